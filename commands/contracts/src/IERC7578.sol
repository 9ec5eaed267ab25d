// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice An amount of money, as ERC-7578 has it.
struct Amount {
    /// The currency's code, such as "GBP".
    string currency;
    /// The amount. The standard names no unit; here it is the currency's smallest.
    uint256 value;
}

/// @notice What ERC-7578 wants to be known of a physical asset.
struct Properties {
    /// Who minted the token.
    string tokenIssuer;
    /// Who owns the asset in law, by name or by a number in somebody's register.
    string assetHolder;
    /// Where the asset is stored.
    string storageLocation;
    /// Link to the agreement between token holder and owner, best by its content (IPFS).
    string terms;
    /// Law and courts the terms name.
    string jurisdiction;
    /// Declared value, which need not be the market's.
    Amount declaredValue;
}

/// @title Physical asset redemption, as ERC-7578 defines it
/// @dev Declared here because OpenZeppelin Contracts has no such interface.
interface IERC7578 {
    /// @notice The properties of a token were set.
    event PropertiesSet(uint256 indexed tokenId, Properties properties);

    /// @notice The properties of a token were removed.
    event PropertiesRemoved(uint256 indexed tokenId);

    /// @notice The properties of a token.
    /// @dev Does not revert: all fields are empty where there is no token, or nothing is known.
    /// @param tokenId The token asked about.
    function getPropertiesOf(uint256 tokenId) external view returns (Properties memory properties);
}
