// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {CaskLocks} from "./CaskLocks.sol";
import {IERC7578, Properties} from "./IERC7578.sol";

/// @title What is known of the casks behind the tokens
/// @notice Each token points to a metadata document by its SHA-256. Beside it the properties of
/// ERC-7578 can stand on chain, where they are wanted.
/// @dev The properties are six texts, which cost several times a mint, so a mint does not ask for
/// them; the README says what of ERC-7578 is left out by that.
abstract contract CaskMetadata is IERC4906, IERC7578, CaskLocks {
    /// @notice May point a living token at new metadata, for instance after a regauge, and state
    /// the properties of its cask.
    bytes32 public constant METADATA_ROLE = keccak256("METADATA_ROLE");

    /// @dev ERC-4906 adds only events to ERC-721, so its interface id cannot be derived from the
    /// interface and the standard names this number.
    bytes4 private constant ERC4906_INTERFACE_ID = 0x49064906;

    /// @notice SHA-256 of the current metadata document of a token; zero if the id was never minted.
    /// @dev Set at the mint, and never zero again, not even after a burn. It is therefore both the
    /// metadata reference and the proof that an id was used, in a single storage slot.
    mapping(uint256 tokenId => bytes32 digest) public digestOf;

    mapping(uint256 tokenId => Properties properties) private _properties;

    /// @notice The metadata of a token was replaced.
    /// @dev The ERC-4906 event names no content; this one keeps the full history in the logs.
    event MetadataDigestChanged(
        uint256 indexed tokenId, bytes32 previousDigest, bytes32 metadataDigest
    );

    /// @notice The id is zero or does not fit in 64 bits, so it cannot be the id of a cask.
    error InvalidTokenId(uint256 tokenId);

    /// @notice A digest of zero would make a minted id look unused.
    error ZeroDigest(uint256 tokenId);

    /// @notice The issuer is empty. It is what tells set properties from none.
    error TokenIssuerMissing(uint256 tokenId);

    /// @notice The id was minted and burned: nothing is said of it any more.
    error TokenRedeemed(uint256 tokenId);

    /// @notice Points a token at new metadata.
    /// @dev Only a living token: the digest of a burned one is its final record.
    /// @param tokenId The token.
    /// @param metadataDigest SHA-256 of the new metadata document, not zero.
    function setMetadataDigest(uint256 tokenId, bytes32 metadataDigest)
        external
        onlyRole(METADATA_ROLE)
    {
        _requireOwned(tokenId);
        if (metadataDigest == 0) revert ZeroDigest(tokenId);
        bytes32 previous = digestOf[tokenId];
        digestOf[tokenId] = metadataDigest;
        emit MetadataDigestChanged(tokenId, previous, metadataDigest);
        emit MetadataUpdate(tokenId);
    }

    /// @notice States the properties of a cask (ERC-7578), or states them anew.
    /// @dev Possible before the mint, as the standard advises, but not after the burn.
    /// @param tokenId The cask's id.
    /// @param properties What is stated. It is public for ever: no names of persons.
    function setPropertiesOf(uint256 tokenId, Properties calldata properties)
        external
        onlyRole(METADATA_ROLE)
    {
        _requireCaskId(tokenId);
        bool isBurned = digestOf[tokenId] != 0 && _ownerOf(tokenId) == address(0);
        if (isBurned) revert TokenRedeemed(tokenId);
        if (bytes(properties.tokenIssuer).length == 0) revert TokenIssuerMissing(tokenId);
        _properties[tokenId] = properties;
        emit PropertiesSet(tokenId, properties);
    }

    /// @inheritdoc IERC7578
    function getPropertiesOf(uint256 tokenId) external view returns (Properties memory properties) {
        return _properties[tokenId];
    }

    /// @notice Where the metadata of a token is.
    /// @dev The address is computed, because a stored string would cost several slots per mint and
    /// could contradict the digest. A CIDv1 in base 16 is exactly "f", the bytes 01 (version),
    /// 55 (raw block), 12 20 (SHA-256, 32 bytes), and the digest.
    /// @param tokenId The token; must exist.
    /// @return An `ipfs://` address that anybody can check against the bytes it leads to.
    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        return string.concat("ipfs://f01551220", _hex(digestOf[tokenId]));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId)
        public
        view
        virtual
        override(IERC165, CaskLocks)
        returns (bool)
    {
        return interfaceId == ERC4906_INTERFACE_ID || interfaceId == type(IERC7578).interfaceId
            || super.supportsInterface(interfaceId);
    }

    /// @dev A burn has to do it, says ERC-7578.
    function _removePropertiesOf(uint256 tokenId) internal {
        if (bytes(_properties[tokenId].tokenIssuer).length == 0) return;
        delete _properties[tokenId];
        emit PropertiesRemoved(tokenId);
    }

    function _requireCaskId(uint256 tokenId) internal pure {
        if (tokenId == 0 || tokenId > type(uint64).max) revert InvalidTokenId(tokenId);
    }

    /// @dev Lowercase without a prefix: base 16 of a CID knows neither capitals nor "0x".
    function _hex(bytes32 value) private pure returns (string memory) {
        bytes16 digits = "0123456789abcdef";
        bytes memory text = new bytes(64);
        for (uint256 i = 0; i < 32; ++i) {
            uint8 octet = uint8(value[i]);
            text[2 * i] = digits[octet >> 4];
            text[2 * i + 1] = digits[octet & 0x0f];
        }
        return string(text);
    }
}
