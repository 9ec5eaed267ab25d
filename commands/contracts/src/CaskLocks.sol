// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Pausable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Pausable.sol";
import {IERC5192} from "./IERC5192.sol";
import {MintRules} from "./MintRules.sol";

/// @title Tokens that do not move, and who moves them all the same
abstract contract CaskLocks is IERC5192, ERC721Pausable, MintRules {
    /// @notice Acts for the custodian of the physical casks: locks, unlocks and redeems, and
    /// transfers where nobody else may.
    bytes32 public constant CUSTODIAN_ROLE = keccak256("CUSTODIAN_ROLE");

    /// @dev True only for tokens that exist. Unused where all are locked.
    mapping(uint256 tokenId => bool) private _locked;

    /// @notice The token is locked.
    error TokenLocked(uint256 tokenId);

    /// @notice The token is not locked.
    error TokenNotLocked(uint256 tokenId);

    /// @notice Holders transfer their tokens themselves here.
    error TransfersNotRestricted();

    /// @notice Tokens stay locked here: the custodian alone transfers them.
    error TransfersRestricted();

    /// @notice Stops transfers of one token, while its cask is pledged, moved or redeemed.
    /// @dev Works while paused, because it only ever takes freedom away.
    /// @param tokenId The token.
    function lock(uint256 tokenId) external onlyRole(CUSTODIAN_ROLE) {
        _requireOwned(tokenId);
        if (_isLocked(tokenId)) revert TokenLocked(tokenId);
        _locked[tokenId] = true;
        emit Locked(tokenId);
    }

    /// @notice Allows transfers of a locked token again.
    /// @param tokenId The token.
    function unlock(uint256 tokenId) external onlyRole(CUSTODIAN_ROLE) {
        _requireOwned(tokenId);
        if (custodialTransfersOnly) revert TransfersRestricted();
        if (!_locked[tokenId]) revert TokenNotLocked(tokenId);
        delete _locked[tokenId];
        emit Unlocked(tokenId);
    }

    /// @notice Transfers a token for its holder, where transfers are left to the custodian.
    /// @dev The holder is named so that a transfer that comes late, or twice, cannot take the token
    /// from whoever has it by then. The receiver is not asked, as at the mint.
    /// @param from The present holder.
    /// @param to The next one.
    /// @param tokenId The token.
    function transferByCustodian(address from, address to, uint256 tokenId)
        external
        onlyRole(CUSTODIAN_ROLE)
    {
        if (!custodialTransfersOnly) revert TransfersNotRestricted();
        _transfer(from, to, tokenId);
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) external view returns (bool) {
        _requireOwned(tokenId);
        return _isLocked(tokenId);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId)
        public
        view
        virtual
        override(AccessControl, ERC721)
        returns (bool)
    {
        return interfaceId == type(IERC5192).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Every mint, transfer and burn passes here, so this is the one place where the lock has
    /// to be enforced. `auth` is whoever asks for a transfer, and zero for what this contract does
    /// of itself (mint, redemption, the custodian's transfer), which knows about the lock already.
    /// Checked after the parent's update, so that what is wrong besides is named first; a revert
    /// undoes the update, and no foreign code runs in between.
    function _update(address to, uint256 tokenId, address auth)
        internal
        virtual
        override(ERC721Pausable)
        returns (address from)
    {
        from = super._update(to, tokenId, auth);
        if (auth != address(0) && _isLocked(tokenId)) revert TokenLocked(tokenId);
    }

    /// @dev ERC-5192 asks for the status at the mint, so that it can be known from the logs alone.
    function _emitLockOfMint(uint256 tokenId) internal {
        if (custodialTransfersOnly) emit Locked(tokenId);
        else emit Unlocked(tokenId);
    }

    /// @dev Burns a locked token, and forgets its lock.
    function _burnLocked(uint256 tokenId) internal {
        if (!_isLocked(tokenId)) revert TokenNotLocked(tokenId);
        delete _locked[tokenId];
        _burn(tokenId);
    }

    function _isLocked(uint256 tokenId) private view returns (bool) {
        return custodialTransfersOnly || _locked[tokenId];
    }
}
