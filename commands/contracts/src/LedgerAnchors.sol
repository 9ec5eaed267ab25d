// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Rfc6962} from "./Rfc6962.sol";

/// @title Checkpoints of the platform's ledger, kept where the platform cannot change them
/// @notice The ledger is a Merkle tree over every event of the platform. This contract keeps its
/// root at several sizes and takes a new one only with the proof that it extends the one before.
/// Whoever rewrites, removes or inserts an anchored event, or shows two readers two histories, can
/// anchor only one of them, for ever.
/// @dev One contract anchors one ledger: the first checkpoint is taken on trust, and no role can
/// take it back. The checkpoint's signature is not checked, there being no Ed25519 on these
/// chains; what makes an anchor worth something is the proof.
abstract contract LedgerAnchors is AccessControl {
    /// @notice May anchor, and nothing else: with a stolen key one cannot undo what is anchored.
    bytes32 public constant ANCHOR_ROLE = keccak256("ANCHOR_ROLE");

    /// @dev Size of the last anchored checkpoint; zero before the first.
    uint64 private _anchoredSize;

    /// @notice Root of the ledger's tree at a size that was anchored; zero for any other.
    mapping(uint64 size => bytes32 root) public anchoredRoot;

    /// @notice The ledger's first `size` events have this root.
    event CheckpointAnchored(uint64 indexed size, bytes32 root);

    /// @notice A checkpoint of this size or a greater one is anchored already.
    error CheckpointNotNewer(uint64 anchoredSize, uint64 size);

    /// @notice The proof does not show that the checkpoint extends the anchored one.
    error CheckpointInconsistent(uint64 anchoredSize, uint64 size);

    /// @notice No checkpoint of this size was anchored.
    error CheckpointNotAnchored(uint64 size);

    /// @notice Anchors a checkpoint.
    /// @dev Works while tokens are paused: evidence must not wait for a pauser.
    /// @param size How many events the checkpoint covers.
    /// @param root Root of their tree.
    /// @param proof Consistency proof from the last anchored checkpoint (RFC 9162, 2.1.4); empty for
    /// the first.
    function anchor(uint64 size, bytes32 root, bytes32[] calldata proof)
        external
        onlyRole(ANCHOR_ROLE)
    {
        uint64 before = _anchoredSize;
        if (size <= before) revert CheckpointNotNewer(before, size);
        // No tree has the root zero, which `anchoredRoot` keeps for "not anchored".
        if (root == 0 || !Rfc6962.isExtension(before, anchoredRoot[before], size, root, proof)) {
            revert CheckpointInconsistent(before, size);
        }
        _anchoredSize = size;
        anchoredRoot[size] = root;
        emit CheckpointAnchored(size, root);
    }

    /// @notice The last anchored checkpoint; both are zero before the first.
    function anchoredHead() external view returns (uint64 size, bytes32 root) {
        size = _anchoredSize;
        root = anchoredRoot[size];
    }

    /// @dev Whether an anchored tree has this leaf. An older tree than the last is as good, being
    /// the beginning of it; so a proof stays valid while newer checkpoints are anchored.
    function _isInLedger(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        bytes32 root = anchoredRoot[size];
        if (root == 0) revert CheckpointNotAnchored(size);
        return Rfc6962.isIncluded(leaf, index, size, root, proof);
    }
}
