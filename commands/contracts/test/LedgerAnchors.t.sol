// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {LedgerAnchors} from "../src/LedgerAnchors.sol";
import {DeployedNft} from "./DeployedNft.sol";
import {MerkleTree, NumberedTree} from "./MerkleTree.sol";
import {vm} from "./Vm.sol";

contract LedgerAnchorsTest is DeployedNft {
    MerkleTree private immutable tree = new NumberedTree(type(uint64).max);

    function test_BeforeTheFirstAnchor() public view {
        _expectHead(0, 0);
        vm.assertEq(nft.anchoredRoot(0), 0, "no root");
    }

    function test_AnchorsGrow() public {
        bytes32[] memory none = new bytes32[](0);
        vm.expectEmit(address(nft));
        emit LedgerAnchors.CheckpointAnchored(3, tree.rootOf(3));
        _anchor(3, tree.rootOf(3), none);
        _expectHead(3, tree.rootOf(3));

        vm.expectEmit(address(nft));
        emit LedgerAnchors.CheckpointAnchored(7, tree.rootOf(7));
        _grow(3, 7);
        _expectHead(7, tree.rootOf(7));
        vm.assertEq(nft.anchoredRoot(3), tree.rootOf(3), "the earlier root stays");
        vm.assertEq(nft.anchoredRoot(5), 0, "a size between was not anchored");
    }

    function test_AnchorsNeitherShrinkNorStay() public {
        _grow(0, 7);
        bytes32[] memory proof = tree.consistency(5, 7);
        for (uint64 size = 0; size <= 7; ++size) {
            bytes32 root = size == 0 ? bytes32(0) : tree.rootOf(size);
            vm.expectRevert(
                abi.encodeWithSelector(LedgerAnchors.CheckpointNotNewer.selector, 7, size)
            );
            _anchor(size, root, proof);
        }
        _expectHead(7, tree.rootOf(7));
    }

    function test_AForkIsRefusedWhicheverProofItBrings() public {
        _grow(0, 7);
        MerkleTree fork = new NumberedTree(2);
        _expectInconsistent(9, fork.rootOf(9), fork.consistency(7, 9));
        _expectInconsistent(9, fork.rootOf(9), tree.consistency(7, 9));
        _expectInconsistent(9, tree.rootOf(9), new bytes32[](0));
        _expectHead(7, tree.rootOf(7));
    }

    function test_TheFirstAnchorBringsNoProofAndHasARoot() public {
        _expectInconsistent(4, tree.rootOf(4), new bytes32[](1));
        _expectInconsistent(4, 0, new bytes32[](0));
        _expectHead(0, 0);
    }

    function test_APauseDoesNotStopAnchors() public {
        _pause();
        _grow(0, 7);
        _expectHead(7, tree.rootOf(7));
    }

    /// @dev The key for anchors opens nothing else.
    function test_TheAnchorerOnlyAnchors() public {
        bytes memory mint = abi.encodeCall(nft.mint, (HOLDER, CASK, DIGEST));
        _refusedBy(ANCHORER, mint, nft.MINTER_ROLE());
        _refusedBy(ANCHORER, abi.encodeCall(nft.setApprovalRequired, (false)), 0);
    }

    function testFuzz_AnyWayOfGrowing(uint8[12] calldata steps) public {
        uint64 size = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            uint64 next = size + steps[i] % 8;
            if (next == size) continue;
            _grow(size, next);
            size = next;
        }
        if (size > 0) _expectHead(size, tree.rootOf(size));
    }

    function _grow(uint64 from, uint64 to) private {
        bytes32[] memory none = new bytes32[](0);
        _anchor(to, tree.rootOf(to), from == 0 ? none : tree.consistency(from, to));
    }

    function _anchor(uint64 size, bytes32 root, bytes32[] memory proof) private {
        vm.prank(ANCHORER);
        nft.anchor(size, root, proof);
    }

    function _expectInconsistent(uint64 size, bytes32 root, bytes32[] memory proof) private {
        (uint64 anchored,) = nft.anchoredHead();
        vm.expectRevert(
            abi.encodeWithSelector(LedgerAnchors.CheckpointInconsistent.selector, anchored, size)
        );
        _anchor(size, root, proof);
    }

    function _expectHead(uint64 size, bytes32 root) private view {
        (uint64 anchoredSize, bytes32 anchoredRoot) = nft.anchoredHead();
        vm.assertEq(anchoredSize, size, "size of the head");
        vm.assertEq(anchoredRoot, root, "root of the head");
    }
}
