// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {CaskMetadata} from "../src/CaskMetadata.sol";
import {CaskMint, CaskNft} from "../src/CaskNft.sol";
import {DeployedNft} from "./DeployedNft.sol";
import {Vm, vm} from "./Vm.sol";

contract MintBatchTest is DeployedNft {
    function test_ABatchMintsEachItem() public {
        vm.recordLogs();
        _batch(_casks(3));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 9, "what three mints log");
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(logs[3 * i + 1].topics[0], CaskNft.CaskMinted.selector, "one per item");
            vm.assertEq(uint256(logs[3 * i + 1].topics[1]), i + 1, "in the order of the batch");
            vm.assertEq(nft.ownerOf(i + 1), _holder(i + 1), "holder");
            vm.assertEq(nft.digestOf(i + 1), bytes32(i + 1), "digest");
        }
    }

    function test_WhatIsMintedIsSkipped() public {
        _mint(HOLDER, 2, DIGEST);
        vm.expectEmit(address(nft));
        emit CaskNft.CaskMinted(1, _holder(1), bytes32(uint256(1)));
        vm.expectEmit(address(nft));
        emit CaskNft.CaskMintSkipped(2, DIGEST);
        vm.expectEmit(address(nft));
        emit CaskNft.CaskMinted(3, _holder(3), bytes32(uint256(3)));
        _batch(_casks(3));
        vm.assertEq(nft.ownerOf(2), HOLDER, "holder unchanged");
        vm.assertEq(nft.digestOf(2), DIGEST, "digest unchanged");
    }

    function test_ABatchSentTwiceEndsTheSame() public {
        CaskMint[] memory casks = _casks(5);
        _batch(casks);
        vm.recordLogs();
        _batch(casks);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 5, "one per item");
        for (uint256 i = 0; i < 5; ++i) {
            vm.assertEq(logs[i].topics[0], CaskNft.CaskMintSkipped.selector, "skipped");
            vm.assertEq(nft.ownerOf(i + 1), _holder(i + 1), "holder");
        }
        // Nothing would move, so a pause changes nothing about the answer.
        _pause();
        _batch(casks);
    }

    function test_ABurnedOneAndADoubleAreSkipped() public {
        _mint(HOLDER, 1, DIGEST);
        _redeem(1);
        CaskMint[] memory casks = _casks(3);
        casks[2] = CaskMint(BUYER, 2, OTHER_DIGEST);
        _batch(casks);
        vm.assertEq(nft.balanceOf(_holder(1)), 0, "the burned one stays burned");
        vm.assertEq(nft.ownerOf(2), _holder(2), "the first of the doubles counts");
    }

    function test_WhatIsWrongUndoesTheBatch() public {
        CaskMint[] memory casks = _casks(3);
        casks[2].tokenId = 0;
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.InvalidTokenId.selector, 0));
        _batch(casks);
        casks = _casks(3);
        casks[2].metadataDigest = 0;
        vm.expectRevert(abi.encodeWithSelector(CaskMetadata.ZeroDigest.selector, 3));
        _batch(casks);
        casks = _casks(3);
        casks[2].to = address(0);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0))
        );
        _batch(casks);
        _pause();
        _expectPaused();
        _batch(_casks(3));
        vm.assertEq(nft.digestOf(1), 0, "nothing is left of it");
    }

    function test_ABatchIsBounded() public {
        uint256 most = nft.MAX_BATCH();
        _batch(_casks(most));
        vm.assertEq(nft.ownerOf(most), _holder(most), "the longest one");
        vm.expectRevert(abi.encodeWithSelector(CaskNft.InvalidBatchSize.selector, most + 1));
        _batch(_casks(most + 1));
        vm.expectRevert(abi.encodeWithSelector(CaskNft.InvalidBatchSize.selector, 0));
        _batch(_casks(0));
    }

    /// @dev Any batches, overlapping as they like: an id keeps what it got first.
    function testFuzz_TheFirstMintCounts(uint8[6][4] calldata ids) public {
        bytes32[256] memory expected;
        for (uint256 i = 0; i < ids.length; ++i) {
            CaskMint[] memory casks = new CaskMint[](ids[i].length);
            for (uint256 j = 0; j < casks.length; ++j) {
                uint256 id = uint256(ids[i][j]) % 16 + 1;
                casks[j] = CaskMint(HOLDER, id, keccak256(abi.encode(i, j)));
                if (expected[id] == 0) expected[id] = casks[j].metadataDigest;
            }
            _batch(casks);
        }
        uint256 minted = 0;
        for (uint256 id = 1; id <= 16; ++id) {
            vm.assertEq(nft.digestOf(id), expected[id], "the first digest");
            if (expected[id] != 0) ++minted;
        }
        vm.assertEq(nft.balanceOf(HOLDER), minted, "each once");
    }

    function _batch(CaskMint[] memory casks) private {
        vm.prank(MINTER);
        nft.mintBatch(casks);
    }

    function _casks(uint256 count) private pure returns (CaskMint[] memory casks) {
        casks = new CaskMint[](count);
        for (uint256 i = 0; i < count; ++i) {
            casks[i] = CaskMint(_holder(i + 1), i + 1, bytes32(i + 1));
        }
    }

    function _holder(uint256 cask) private pure returns (address) {
        // A cask number of these tests is small.
        // forge-lint: disable-next-line(unsafe-typecast)
        return address(uint160(0xD00000 + cask));
    }
}
