// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Proofs about Merkle trees as RFC 6962 defines them
/// @dev The tree of the platform's ledger: SHA-256, one leaf per event, in the order of the log.
/// Both checks are those of RFC 9162 (sections 2.1.3.2 and 2.1.4.2), which defines the same tree.
/// They walk from a node of the new tree up to its root. `node` is the number of the node at the
/// present level, `last` that of the level's last node; at the root both are zero.
library Rfc6962 {
    /// @notice Whether the leaf stands at `index` in the tree of `size` leaves.
    /// @param leaf Hash of the leaf, see `leafHash`.
    /// @param index Number of the leaf, from zero.
    /// @param size How many leaves the tree has.
    /// @param root Root of the tree.
    /// @param proof The siblings on the way from the leaf to the root, the lowest first.
    function isIncluded(
        bytes32 leaf,
        uint64 index,
        uint64 size,
        bytes32 root,
        bytes32[] calldata proof
    ) internal pure returns (bool) {
        if (index >= size) return false;
        (uint64 node, uint64 last) = (index, size - 1);
        bytes32 hash = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return false;
            if (_siblingIsLeft(node, last)) {
                hash = nodeHash(proof[i], hash);
                (node, last) = _pastLevelsWithoutSibling(node, last);
            } else {
                hash = nodeHash(hash, proof[i]);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        return last == 0 && hash == root;
    }

    /// @notice Whether the new tree is the old one with leaves added at its end.
    /// @dev Every tree extends the empty one, which needs no proof. A tree does not extend itself
    /// here: callers ask about growth.
    /// @param oldSize How many leaves the old tree has.
    /// @param oldRoot Root of the old tree; without meaning if it is empty.
    /// @param newSize How many leaves the new tree has.
    /// @param newRoot Root of the new tree.
    /// @param proof The nodes from which both roots are computed, the lowest first.
    function isExtension(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) internal pure returns (bool) {
        if (oldSize >= newSize) return false;
        if (oldSize == 0) return proof.length == 0;
        (uint64 node, uint64 last) = _largestNodeOfBoth(oldSize, newSize);
        // Where the old tree is a node of the new one, as at a power of two, its root is known and
        // the proof leaves it out.
        bool rootIsStart = node == 0;
        if (!rootIsStart && proof.length == 0) return false;
        bytes32 oldHash = rootIsStart ? oldRoot : proof[0];
        bytes32 newHash = oldHash;
        for (uint256 i = rootIsStart ? 0 : 1; i < proof.length; ++i) {
            if (last == 0) return false;
            if (_siblingIsLeft(node, last)) {
                oldHash = nodeHash(proof[i], oldHash);
                newHash = nodeHash(proof[i], newHash);
                (node, last) = _pastLevelsWithoutSibling(node, last);
            } else {
                // Right of the old tree there is only what was added.
                newHash = nodeHash(newHash, proof[i]);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        return last == 0 && oldHash == oldRoot && newHash == newRoot;
    }

    /// @notice Hash of a leaf.
    /// @dev The first byte keeps a leaf from being taken for a node, and the other way round.
    function leafHash(bytes memory leaf) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"00", leaf));
    }

    /// @notice Hash of a node with two children.
    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"01", left, right));
    }

    /// @dev The last complete subtree of the old tree, which the new tree has as well: the way up
    /// starts there.
    function _largestNodeOfBoth(uint64 oldSize, uint64 newSize)
        private
        pure
        returns (uint64 node, uint64 last)
    {
        (node, last) = (oldSize - 1, newSize - 1);
        while (node & 1 == 1) (node, last) = (node >> 1, last >> 1);
    }

    function _siblingIsLeft(uint64 node, uint64 last) private pure returns (bool) {
        return node & 1 == 1 || node == last;
    }

    /// @dev The last node of a level may be an only child, which is its own parent: such levels
    /// take nothing from the proof.
    function _pastLevelsWithoutSibling(uint64 node, uint64 last)
        private
        pure
        returns (uint64, uint64)
    {
        while (node & 1 == 0 && node != 0) (node, last) = (node >> 1, last >> 1);
        return (node, last);
    }
}
