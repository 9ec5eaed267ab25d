// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CaskMetadata} from "../src/CaskMetadata.sol";
import {Amount, IERC7578, Properties} from "../src/IERC7578.sol";
import {DeployedNft} from "./DeployedNft.sol";
import {Vm, vm} from "./Vm.sol";

contract PropertiesTest is DeployedNft {
    function test_NothingIsKnownAtFirst() public {
        _expectNone(CASK);
        _mint(HOLDER, CASK, DIGEST);
        _expectNone(CASK);
    }

    function test_PropertiesAreStatedAndStatedAnew() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.expectEmit(address(nft));
        emit IERC7578.PropertiesSet(CASK, _properties("Bond 4"));
        _state(CASK, _properties("Bond 4"));
        _expect(CASK, _properties("Bond 4"));
        _state(CASK, _properties("Bond 7"));
        _expect(CASK, _properties("Bond 7"));
        _expectNone(CASK + 1);
    }

    /// @dev The standard advises to state them first.
    function test_PropertiesMayComeBeforeTheMint() public {
        _state(CASK, _properties("Bond 4"));
        _mint(HOLDER, CASK, DIGEST);
        _expect(CASK, _properties("Bond 4"));
    }

    /// @dev The standard demands it.
    function test_TheBurnRemovesThem() public {
        _mint(HOLDER, CASK, DIGEST);
        _state(CASK, _properties("Bond 4"));
        vm.prank(CUSTODIAN);
        nft.lock(CASK);
        vm.expectEmit(address(nft));
        emit IERC7578.PropertiesRemoved(CASK);
        vm.prank(CUSTODIAN);
        nft.redeem(CASK);
        _expectNone(CASK);

        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.TokenRedeemed.selector, CASK));
        _state(CASK, _properties("Bond 4"));
    }

    function test_ABurnWithoutPropertiesSaysNothingOfThem() public {
        _mint(HOLDER, CASK, DIGEST);
        vm.recordLogs();
        _redeem(CASK);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            vm.assertTrue(logs[i].topics[0] != IERC7578.PropertiesRemoved.selector, "removed");
        }
    }

    function test_AnIssuerIsNamed() public {
        Properties memory properties = _properties("Bond 4");
        properties.tokenIssuer = "";
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.TokenIssuerMissing.selector, CASK));
        _state(CASK, properties);
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.InvalidTokenId.selector, 0));
        _state(0, properties);
    }

    function testFuzz_PropertiesComeBackAsStated(Properties memory properties) public {
        vm.assume(bytes(properties.tokenIssuer).length > 0);
        _state(CASK, properties);
        _expect(CASK, properties);
    }

    function _state(uint256 cask, Properties memory properties) private {
        vm.prank(EDITOR);
        nft.setPropertiesOf(cask, properties);
    }

    function _expect(uint256 cask, Properties memory expected) private view {
        bytes32 found = keccak256(abi.encode(nft.getPropertiesOf(cask)));
        vm.assertEq(found, keccak256(abi.encode(expected)), "properties");
    }

    function _expectNone(uint256 cask) private view {
        Properties memory none;
        _expect(cask, none);
    }

    function _properties(string memory location) private pure returns (Properties memory) {
        return Properties({
            tokenIssuer: "CaskChain",
            assetHolder: "As the warehousekeeper's record has it",
            storageLocation: location,
            terms: "https://ipfs.io/ipfs/bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4",
            jurisdiction: "Scotland",
            declaredValue: Amount({currency: "GBP", value: 1_250_000})
        });
    }
}
