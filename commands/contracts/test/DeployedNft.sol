// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {CaskLocks} from "../src/CaskLocks.sol";
import {CaskNft} from "../src/CaskNft.sol";
import {vm} from "./Vm.sol";

/// @dev A contract as the platform deploys it, with a key for every role, and what tests do to it.
abstract contract DeployedNft {
    address internal constant ADMIN = address(0xA0);
    address internal constant MINTER = address(0xA1);
    address internal constant PAUSER = address(0xA2);
    address internal constant EDITOR = address(0xA3);
    address internal constant CUSTODIAN = address(0xA4);
    address internal constant ANCHORER = address(0xA5);
    address internal constant HOLDER = address(0xB1);
    address internal constant BUYER = address(0xB2);
    address internal constant STRANGER = address(0xC1);

    uint256 internal constant CASK = 7_212_345_678_901_234_567;

    /// @dev SHA-256 of the two bytes "{}", known to everybody, so an address made from it can be
    /// checked with any IPFS tool.
    bytes32 internal constant DIGEST =
        0x44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a;
    bytes32 internal constant OTHER_DIGEST = bytes32(uint256(1));

    CaskNft internal nft;

    constructor() {
        _deploy();
    }

    function _deploy() internal {
        nft = new CaskNft("CaskChain Cask", "CASK", ADMIN);
        _grant(nft.MINTER_ROLE(), MINTER);
        _grant(nft.PAUSER_ROLE(), PAUSER);
        _grant(nft.METADATA_ROLE(), EDITOR);
        _grant(nft.CUSTODIAN_ROLE(), CUSTODIAN);
        _grant(nft.ANCHOR_ROLE(), ANCHORER);
    }

    function _grant(bytes32 role, address account) internal {
        vm.prank(ADMIN);
        nft.grantRole(role, account);
    }

    function _mint(address to, uint256 tokenId, bytes32 digest) internal {
        vm.prank(MINTER);
        nft.mint(to, tokenId, digest);
    }

    function _redeem(uint256 tokenId) internal {
        vm.startPrank(CUSTODIAN);
        nft.lock(tokenId);
        nft.redeem(tokenId);
        vm.stopPrank();
    }

    function _pause() internal {
        vm.prank(PAUSER);
        nft.pause();
    }

    function _refused(bytes memory data, bytes32 role) internal {
        _refusedBy(STRANGER, data, role);
    }

    function _refusedBy(address actor, bytes memory data, bytes32 role) internal {
        vm.prank(actor);
        (bool ok, bytes memory reason) = address(nft).call(data);
        vm.assertTrue(!ok, "must be refused");
        bytes memory expected = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, actor, role
        );
        vm.assertEq(keccak256(reason), keccak256(expected), "for the missing role");
    }

    function _expectAlreadyMinted(uint256 tokenId, bytes32 digest) internal {
        vm.expectRevert(abi.encodeWithSelector(CaskNft.AlreadyMinted.selector, tokenId, digest));
    }

    function _expectNonexistent(uint256 tokenId) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, tokenId)
        );
    }

    function _expectLocked() internal {
        vm.expectRevert(abi.encodeWithSelector(CaskLocks.TokenLocked.selector, CASK));
    }

    function _expectPaused() internal {
        vm.expectRevert(abi.encodeWithSelector(Pausable.EnforcedPause.selector));
    }
}
