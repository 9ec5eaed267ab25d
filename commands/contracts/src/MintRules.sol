// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/// @title What the administrator decides about all tokens of the contract
/// @dev Every mint reads these switches. They lie in one storage slot with the pause flag, which it
/// reads anyway, as long as this contract comes directly after `Pausable` in the order of
/// inheritance: then they cost a mint a few hundred gas, else 2000 more. A test counts the slots.
abstract contract MintRules is AccessControl, Pausable {
    /// @notice Whether a mint needs the proof that the cask's approval is in the anchored ledger.
    bool public approvalRequired;

    /// @notice Whether every token is locked for good, and only the custodian transfers.
    bool public custodialTransfersOnly;

    /// @dev Set from the start, not at the first mint, which would then pay for a new slot.
    bool private _nothingMinted = true;

    /// @notice From here on mints need the proof of an approval, or no longer do.
    event ApprovalRequirementChanged(bool required);

    /// @notice From here on, and for good, only the custodian transfers tokens.
    event TransfersRestrictedToCustodian();

    /// @notice A mint needs the proof of an approval here.
    error ApprovalProofMissing(uint256 tokenId);

    /// @notice There are tokens already, whose holders were promised to transfer them themselves.
    error TokensExist();

    /// @notice Sets whether a mint needs the proof of an approval.
    /// @dev It can be taken back, but not unseen: each change is in the logs.
    function setApprovalRequired(bool required) external onlyRole(DEFAULT_ADMIN_ROLE) {
        approvalRequired = required;
        emit ApprovalRequirementChanged(required);
    }

    /// @notice Leaves transfers to the custodian, for every token of this contract.
    /// @dev Only before the first mint and not to be undone, so that a holder knows from the first
    /// day what sort of token it is; and so that no token needs a mark of its own, which would cost
    /// its mint a storage slot.
    function restrictTransfersToCustodian() external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_nothingMinted) revert TokensExist();
        custodialTransfersOnly = true;
        emit TransfersRestrictedToCustodian();
    }

    function _requireNoApprovalNeeded(uint256 tokenId) internal view {
        if (approvalRequired) revert ApprovalProofMissing(tokenId);
    }

    function _noteMint() internal {
        if (_nothingMinted) _nothingMinted = false;
    }
}
