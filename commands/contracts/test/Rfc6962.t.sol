// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Rfc6962} from "../src/Rfc6962.sol";
import {HugeTree, KnownTree, MerkleTree, NumberedTree} from "./MerkleTree.sol";
import {vm} from "./Vm.sol";

/// @dev The library takes proofs from calldata, which only a call from outside has.
contract Proofs {
    function isIncluded(
        bytes32 leaf,
        uint64 index,
        uint64 size,
        bytes32 root,
        bytes32[] calldata proof
    ) external pure returns (bool) {
        return Rfc6962.isIncluded(leaf, index, size, root, proof);
    }

    function isExtension(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external pure returns (bool) {
        return Rfc6962.isExtension(oldSize, oldRoot, newSize, newRoot, proof);
    }

    function leafHash(bytes calldata leaf) external pure returns (bytes32) {
        return Rfc6962.leafHash(leaf);
    }
}

/// @dev Every tree of up to `SIZES` leaves against the definitions; larger ones by chance.
contract Rfc6962Test {
    /// @dev forge prints logs of this shape as "name: number".
    event log_named_uint(string name, uint256 value);

    /// @dev One more than a power of two, so that proofs of six hashes occur in every form.
    uint64 private constant SIZES = 33;

    Proofs private immutable proofs = new Proofs();
    MerkleTree private immutable tree = new NumberedTree(type(uint64).max);

    /// @dev By number, and by size.
    bytes32[] private _leaves;
    bytes32[] private _roots = [bytes32(0)];

    uint256 private _accepted;
    uint256 private _refused;

    constructor() {
        for (uint64 size = 1; size <= SIZES + 1; ++size) {
            _leaves.push(tree.leafAt(size - 1));
            _roots.push(tree.rootOf(size));
        }
    }

    // The reference itself

    function test_TheReferenceHasTheRootsEverybodyKnows() public {
        bytes32[8] memory roots = [
            bytes32(0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d),
            0xfac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125,
            0xaeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77,
            0xd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7,
            0x4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4,
            0x76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef,
            0xddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c,
            0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
        ];
        MerkleTree known = new KnownTree();
        for (uint64 size = 1; size <= 8; ++size) {
            vm.assertEq(known.rootOf(size), roots[size - 1], "root");
        }
        vm.assertEq(proofs.leafHash(""), roots[0], "leaf of the library");
    }

    // Inclusion

    function test_EveryInclusionProofOfSmallTrees() public {
        for (uint64 size = 1; size <= SIZES; ++size) {
            for (uint64 index = 0; index < size; ++index) {
                _tryInclusion(index, size);
            }
        }
        emit log_named_uint("inclusion proofs accepted", _accepted);
        emit log_named_uint("inclusion proofs refused", _refused);
    }

    function testFuzz_InclusionInHugeTrees(uint64 index, uint64 size, uint8 place, bytes32 mark)
        public
    {
        vm.assume(size > 1 && size < 1 << 63);
        index %= size;
        MerkleTree huge = new HugeTree(index, mark);
        bytes32[] memory proof = huge.inclusion(index, size);
        bytes32 root = huge.rootOf(size);
        vm.assertTrue(proofs.isIncluded(mark, index, size, root, proof), "true");
        vm.assertTrue(!proofs.isIncluded(~mark, index, size, root, proof), "another leaf");
        proof[place % proof.length] ^= bytes32(uint256(1));
        vm.assertTrue(!proofs.isIncluded(mark, index, size, root, proof), "another hash");
    }

    function testFuzz_ChanceIsNoInclusionProof(
        bytes32 leaf,
        uint64 index,
        uint64 size,
        bytes32 root,
        bytes32[] calldata proof
    ) public view {
        vm.assume(leaf != root || size != 1);
        vm.assertTrue(!proofs.isIncluded(leaf, index, size, root, proof), "junk");
    }

    // Consistency

    function test_EveryConsistencyProofOfSmallTrees() public {
        for (uint64 newSize = 2; newSize <= SIZES; ++newSize) {
            for (uint64 oldSize = 1; oldSize < newSize; ++oldSize) {
                _tryExtension(oldSize, newSize);
            }
        }
        emit log_named_uint("consistency proofs accepted", _accepted);
        emit log_named_uint("consistency proofs refused", _refused);
    }

    /// @dev A history in which one event is another: it passes as long as the event was not
    /// anchored, and never afterwards, whichever of the two histories the proof is from.
    function test_ARewrittenHistoryIsNoExtension() public {
        for (uint64 changed = 0; changed < 12; ++changed) {
            MerkleTree other = new NumberedTree(changed);
            for (uint64 newSize = changed + 1; newSize <= 13; ++newSize) {
                for (uint64 oldSize = 1; oldSize < newSize; ++oldSize) {
                    _tryRewritten(other, changed, oldSize, newSize);
                }
            }
        }
        emit log_named_uint("forks before the anchor refused", _refused);
        emit log_named_uint("forks after the anchor accepted", _accepted);
    }

    function test_WhatIsNoGrowthIsNoExtension() public view {
        bytes32 root = tree.rootOf(4);
        bytes32[] memory none = new bytes32[](0);
        vm.assertTrue(proofs.isExtension(0, 0, 4, root, none), "anything extends nothing");
        bytes32[] memory one = new bytes32[](1);
        vm.assertTrue(!proofs.isExtension(0, 0, 4, root, one), "without any hash");
        vm.assertTrue(!proofs.isExtension(4, root, 4, root, none), "the same");
        vm.assertTrue(!proofs.isExtension(4, root, 5, root, none), "more of the same");
        vm.assertTrue(!proofs.isExtension(4, root, 3, tree.rootOf(3), none), "less");
        vm.assertTrue(!proofs.isExtension(0, 0, 0, 0, none), "nothing at all");
    }

    function testFuzz_ConsistencyOfHugeTrees(
        uint64 oldSize,
        uint64 newSize,
        uint64 marked,
        uint8 place,
        bytes32 mark
    ) public {
        vm.assume(newSize > 1 && newSize < 1 << 63);
        oldSize = 1 + oldSize % (newSize - 1);
        MerkleTree huge = new HugeTree(marked % newSize, mark);
        bytes32[] memory proof = huge.consistency(oldSize, newSize);
        bytes32 oldRoot = huge.rootOf(oldSize);
        bytes32 newRoot = huge.rootOf(newSize);
        vm.assertTrue(proofs.isExtension(oldSize, oldRoot, newSize, newRoot, proof), "true");
        vm.assertTrue(!proofs.isExtension(oldSize, ~oldRoot, newSize, newRoot, proof), "old root");
        vm.assertTrue(!proofs.isExtension(oldSize, oldRoot, newSize, ~newRoot, proof), "new root");
        proof[place % proof.length] ^= bytes32(uint256(1));
        vm.assertTrue(!proofs.isExtension(oldSize, oldRoot, newSize, newRoot, proof), "a hash");
    }

    function testFuzz_ChanceIsNoConsistencyProof(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) public view {
        vm.assume(oldSize != 0);
        vm.assertTrue(!proofs.isExtension(oldSize, oldRoot, newSize, newRoot, proof), "junk");
    }

    // One statement, and every small lie about it

    function _tryInclusion(uint64 index, uint64 size) private {
        bytes32[] memory proof = tree.inclusion(index, size);
        bytes32 leaf = _leaves[index];
        bytes32 root = _roots[size];
        _count(proofs.isIncluded(leaf, index, size, root, proof), true);
        _count(proofs.isIncluded(leaf, index, 4 * size, root, proof), false);
        for (uint64 other = 0; other <= size; ++other) {
            if (other == index) continue;
            _count(proofs.isIncluded(leaf, other, size, root, proof), false);
            _count(proofs.isIncluded(_leaves[other], index, size, root, proof), false);
            bytes32 otherRoot = _roots[other + 1];
            bool differs = otherRoot != root;
            if (differs) _count(proofs.isIncluded(leaf, index, size, otherRoot, proof), false);
        }
        // One level too high, with the root that comes out there.
        bytes32 higher = Rfc6962.nodeHash(~root, root);
        bytes32[] memory longer = _inserted(proof, proof.length, ~root);
        _count(proofs.isIncluded(leaf, index, size, higher, longer), false);
        for (uint256 lie = 0; lie < 4 * proof.length + 2; ++lie) {
            _count(proofs.isIncluded(leaf, index, size, root, _forged(proof, lie)), false);
        }
    }

    function _tryExtension(uint64 oldSize, uint64 newSize) private {
        bytes32[] memory proof = tree.consistency(oldSize, newSize);
        bytes32 oldRoot = _roots[oldSize];
        bytes32 newRoot = _roots[newSize];
        _count(proofs.isExtension(oldSize, oldRoot, newSize, newRoot, proof), true);
        // A tree two levels higher needs a longer proof, whatever its root is said to be.
        _count(proofs.isExtension(oldSize, oldRoot, 4 * newSize, newRoot, proof), false);
        _count(proofs.isExtension(oldSize, oldRoot, 4 * newSize, oldRoot, proof), false);
        for (uint64 other = 1; other <= SIZES; ++other) {
            bytes32 root = _roots[other];
            if (other != oldSize) {
                _count(proofs.isExtension(oldSize, root, newSize, newRoot, proof), false);
            }
            if (other != newSize) {
                _count(proofs.isExtension(oldSize, oldRoot, newSize, root, proof), false);
            }
        }
        _count(proofs.isExtension(oldSize, oldRoot, newSize, newRoot, new bytes32[](0)), false);
        // One level too high, with the roots that come out there.
        bytes32 oldHigher = Rfc6962.nodeHash(~newRoot, oldRoot);
        bytes32 newHigher = Rfc6962.nodeHash(~newRoot, newRoot);
        bytes32[] memory longer = _inserted(proof, proof.length, ~newRoot);
        _count(proofs.isExtension(oldSize, oldHigher, newSize, newHigher, longer), false);
        for (uint256 lie = 0; lie < 4 * proof.length + 2; ++lie) {
            bytes32[] memory forged = _forged(proof, lie);
            _count(proofs.isExtension(oldSize, oldRoot, newSize, newRoot, forged), false);
        }
    }

    function _tryRewritten(MerkleTree other, uint64 changed, uint64 oldSize, uint64 newSize)
        private
    {
        bytes32 oldRoot = tree.rootOf(oldSize);
        bytes32 newRoot = other.rootOf(newSize);
        bytes32[] memory theirs = other.consistency(oldSize, newSize);
        bool isFuture = changed >= oldSize;
        _count(proofs.isExtension(oldSize, oldRoot, newSize, newRoot, theirs), isFuture);
        bytes32[] memory ours = tree.consistency(oldSize, newSize);
        _count(proofs.isExtension(oldSize, oldRoot, newSize, newRoot, ours), false);
    }

    /// @dev The proof with a hash changed, left out, doubled or taken for its neighbour, or with one
    /// too many at an end.
    function _forged(bytes32[] memory proof, uint256 lie)
        private
        pure
        returns (bytes32[] memory forged)
    {
        uint256 length = proof.length;
        if (lie >= 4 * length) return _inserted(proof, lie == 4 * length ? 0 : length, 0);
        (uint256 kind, uint256 place) = (lie / length, lie % length);
        if (kind == 0) return _inserted(proof, place, proof[place]);
        if (kind == 1) return _without(proof, place);
        forged = _inserted(_without(proof, place), place, ~proof[place]);
        if (kind == 2 || length == 1) return forged;
        uint256 next = (place + 1) % length;
        (forged[place], forged[next]) = (proof[next], proof[place]);
    }

    function _inserted(bytes32[] memory list, uint256 place, bytes32 item)
        private
        pure
        returns (bytes32[] memory longer)
    {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < longer.length; ++i) {
            longer[i] = i < place ? list[i] : i == place ? item : list[i - 1];
        }
    }

    function _without(bytes32[] memory list, uint256 place)
        private
        pure
        returns (bytes32[] memory shorter)
    {
        shorter = new bytes32[](list.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = list[i < place ? i : i + 1];
        }
    }

    function _count(bool accepted, bool expected) private {
        vm.assertTrue(accepted == expected, expected ? "a true proof" : "a lie");
        if (accepted) ++_accepted;
        else ++_refused;
    }
}
