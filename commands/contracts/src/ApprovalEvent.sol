// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Rfc6962} from "./Rfc6962.sol";

/// @notice The approval of a cask, taken apart, and where it stands in the ledger.
struct ApprovalProof {
    /// The envelope's salt, which its text has in base64url.
    bytes16 salt;
    /// The tenant in whose log it stands.
    uint64 tenant;
    /// Its number among the events of the cask.
    uint64 sequence;
    /// The envelope's text from `"schemaVersion"` to its end, as it is stored.
    bytes rest;
    /// Its number among the events of the tenant.
    uint64 tenantPosition;
    /// When it was recorded, in milliseconds since 1970.
    int64 recordedAt;
    /// Its number among all events, which is the number of its leaf.
    uint64 position;
    /// Size of the anchored tree that the path leads through.
    uint64 treeSize;
    /// Inclusion proof (RFC 9162, 2.1.3).
    bytes32[] path;
}

/// @title The leaf of the approval of one cask
/// @dev An event is stored, and hashed, as JSON text whose fields have a fixed order. This contract
/// does not read that text, it writes it: everything up to the type of the event is put together
/// here, with the cask's id in its place, so the leaf of another event, or of the approval of
/// another cask, cannot come out. Only what follows the type is taken as it is given.
///
/// The salt is given as 16 bytes, not as text: 22 characters could hold a quotation mark, and with
/// it a second object that some reader takes for the event.
library ApprovalEvent {
    /// @dev "caskev1" and a zero byte, and no flags.
    bytes12 private constant LEAF_HEAD = "caskev1";

    /// @notice Hash of the leaf under which the log keeps the approval of this cask.
    function leafHash(uint256 cask, ApprovalProof calldata proof) internal pure returns (bytes32) {
        bytes memory leaf = abi.encodePacked(
            LEAF_HEAD,
            proof.tenant,
            proof.tenantPosition,
            proof.recordedAt,
            sha256(envelope(cask, proof))
        );
        return Rfc6962.leafHash(leaf);
    }

    /// @notice The stored text of the approval of this cask.
    function envelope(uint256 cask, ApprovalProof calldata proof)
        internal
        pure
        returns (bytes memory)
    {
        string memory head = string.concat(
            '{"salt":"',
            Base64.encodeURL(bytes.concat(proof.salt)),
            '","tenant":"',
            Strings.toString(proof.tenant),
            '","aggregateType":"whiskey","aggregateId":"',
            Strings.toString(cask),
            '","sequence":',
            Strings.toString(proof.sequence),
            ',"type":"whiskey.approved",'
        );
        return bytes.concat(bytes(head), proof.rest);
    }
}
