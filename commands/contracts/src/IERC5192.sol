// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Lock status of a token, as ERC-5192 defines it
/// @dev Declared here because OpenZeppelin Contracts has no such interface.
/// The standard leaves the token id unindexed in both events; indexing it would
/// change the log layout that every reader of the standard expects.
interface IERC5192 {
    /// @notice The token can no longer be transferred.
    event Locked(uint256 tokenId);

    /// @notice The token can be transferred (again).
    event Unlocked(uint256 tokenId);

    /// @notice Whether the token is locked.
    /// @dev Reverts for a token that does not exist.
    /// @param tokenId The token asked about.
    /// @return True while transfers are refused.
    function locked(uint256 tokenId) external view returns (bool);
}
