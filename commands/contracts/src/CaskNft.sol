// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Pausable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Pausable.sol";
import {ERC2981} from "@openzeppelin/contracts/token/common/ERC2981.sol";
import {IERC5192} from "./IERC5192.sol";

/// @title One token per whisky cask
/// @notice Each token stands for one cask registered on CaskChain. Its id is the cask's own id on
/// the platform, so a cask cannot have two tokens in this contract. Holding the token is not legal
/// title to the cask: the warehousekeeper's record is.
/// @dev Not upgradeable on purpose: a holder can rely on the rules below only if nobody can replace
/// them. A successor would be a new contract.
///
/// The one invariant everything rests on: `digestOf[tokenId]` leaves zero once, at the mint, and
/// never returns to zero, not even when the token is burned. It is therefore both the metadata
/// reference and the proof that an id was used, in a single storage slot.
contract CaskNft is IERC4906, IERC5192, ERC721Pausable, ERC2981, AccessControl {
    /// @notice May mint, and nothing else: a stolen minting key can neither move nor burn a token.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice May stop and restart every movement of tokens.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice May point a living token at new metadata, for instance after a regauge.
    bytes32 public constant METADATA_ROLE = keccak256("METADATA_ROLE");

    /// @notice Acts for the custodian of the physical casks: locks, unlocks and redeems.
    bytes32 public constant CUSTODIAN_ROLE = keccak256("CUSTODIAN_ROLE");

    /// @dev ERC-4906 adds only events to ERC-721, so its interface id cannot be derived from the
    /// interface and the standard names this number.
    bytes4 private constant ERC4906_INTERFACE_ID = 0x49064906;

    /// @notice SHA-256 of the current metadata document of a token; zero if the id was never minted.
    /// @dev Stays set after a burn, see the invariant above.
    mapping(uint256 tokenId => bytes32 digest) public digestOf;

    /// @dev True only for tokens that exist; `redeem` clears it.
    mapping(uint256 tokenId => bool) private _locked;

    /// @notice A cask got its token.
    /// @dev Emitted beside `Transfer` so that one log tells a watcher which metadata was minted.
    event CaskMinted(uint256 indexed tokenId, address indexed to, bytes32 metadataDigest);

    /// @notice The metadata of a token was replaced.
    /// @dev The ERC-4906 event names no content; this one keeps the full history in the logs.
    event MetadataDigestChanged(
        uint256 indexed tokenId, bytes32 previousDigest, bytes32 metadataDigest
    );

    /// @notice A cask left the platform and its token was burned.
    event CaskRedeemed(uint256 indexed tokenId, address indexed holder, bytes32 metadataDigest);

    /// @notice The royalty of all tokens changed; zero values mean none.
    /// @dev ERC-2981 defines no event, which would leave the change invisible in the logs.
    event DefaultRoyaltyChanged(address indexed receiver, uint96 feeNumerator);

    /// @notice This id was minted before. `digest` is its current digest.
    error AlreadyMinted(uint256 tokenId, bytes32 digest);

    /// @notice The id is zero or does not fit in 64 bits, so it cannot be the id of a cask.
    error InvalidTokenId(uint256 tokenId);

    /// @notice A digest of zero would make a minted id look unused.
    error ZeroDigest(uint256 tokenId);

    /// @notice The token is locked.
    error TokenLocked(uint256 tokenId);

    /// @notice The token is not locked.
    error TokenNotLocked(uint256 tokenId);

    /// @notice Without an administrator nobody could ever grant a role.
    error ZeroAdmin();

    /// @param name_ Name of the collection.
    /// @param symbol_ Symbol of the collection.
    /// @param admin First holder of DEFAULT_ADMIN_ROLE, the only role granted here. The deploying
    /// key gets nothing, so it can be thrown away, and every working key is granted by a visible
    /// act of the administrator.
    constructor(string memory name_, string memory symbol_, address admin) ERC721(name_, symbol_) {
        if (admin == address(0)) revert ZeroAdmin();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice Mints the token of a cask.
    /// @dev Uses `_mint`, not `_safeMint`: the call into a receiving contract would let a stranger's
    /// code make our transaction fail or call back into it. The caller checks the recipient first.
    ///
    /// "Already minted" is checked before anything that depends on the state of the contract, so
    /// that a repeated mint gives the same answer whether or not the contract is paused.
    /// @param to First holder.
    /// @param tokenId The cask's 64-bit id, not zero.
    /// @param metadataDigest SHA-256 of the metadata document, not zero.
    function mint(address to, uint256 tokenId, bytes32 metadataDigest)
        external
        onlyRole(MINTER_ROLE)
    {
        if (tokenId == 0 || tokenId > type(uint64).max) revert InvalidTokenId(tokenId);
        if (metadataDigest == 0) revert ZeroDigest(tokenId);
        bytes32 existing = digestOf[tokenId];
        if (existing != 0) revert AlreadyMinted(tokenId, existing);

        digestOf[tokenId] = metadataDigest;
        _mint(to, tokenId);
        emit CaskMinted(tokenId, to, metadataDigest);
        // ERC-5192 asks for the status at the mint, so that it can be known from the logs alone.
        emit Unlocked(tokenId);
    }

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

    /// @notice Stops transfers of one token, while its cask is pledged, moved or redeemed.
    /// @dev Works while paused, because it only ever takes freedom away.
    /// @param tokenId The token.
    function lock(uint256 tokenId) external onlyRole(CUSTODIAN_ROLE) {
        _requireOwned(tokenId);
        if (_locked[tokenId]) revert TokenLocked(tokenId);
        _locked[tokenId] = true;
        emit Locked(tokenId);
    }

    /// @notice Allows transfers of a locked token again.
    /// @param tokenId The token.
    function unlock(uint256 tokenId) external onlyRole(CUSTODIAN_ROLE) {
        _requireOwned(tokenId);
        if (!_locked[tokenId]) revert TokenNotLocked(tokenId);
        delete _locked[tokenId];
        emit Unlocked(tokenId);
    }

    /// @notice Burns the token of a cask that was bottled, lost or withdrawn.
    /// @dev Needs the token locked first: otherwise a holder could sell it in the moment before the
    /// burn, and the buyer would lose a token nobody had marked. The digest stays.
    /// @param tokenId The token.
    function redeem(uint256 tokenId) external onlyRole(CUSTODIAN_ROLE) {
        address holder = _requireOwned(tokenId);
        if (!_locked[tokenId]) revert TokenNotLocked(tokenId);
        delete _locked[tokenId];
        _burn(tokenId);
        emit CaskRedeemed(tokenId, holder, digestOf[tokenId]);
    }

    /// @notice Stops mints, transfers and redemptions.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @notice Ends a pause.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @notice Sets the royalty of all tokens.
    /// @dev Advisory by the nature of ERC-2981: a marketplace may ignore it.
    /// @param receiver Who is to be paid, not zero.
    /// @param feeNumerator Share of the price in ten-thousandths.
    function setDefaultRoyalty(address receiver, uint96 feeNumerator)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        _setDefaultRoyalty(receiver, feeNumerator);
        emit DefaultRoyaltyChanged(receiver, feeNumerator);
    }

    /// @notice Removes the royalty of all tokens.
    function deleteDefaultRoyalty() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _deleteDefaultRoyalty();
        emit DefaultRoyaltyChanged(address(0), 0);
    }

    /// @inheritdoc IERC5192
    function locked(uint256 tokenId) external view returns (bool) {
        _requireOwned(tokenId);
        return _locked[tokenId];
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
        override(IERC165, ERC721, ERC2981, AccessControl)
        returns (bool)
    {
        return interfaceId == ERC4906_INTERFACE_ID || interfaceId == type(IERC5192).interfaceId
            || super.supportsInterface(interfaceId);
    }

    /// @dev Every mint, transfer and burn passes here, so this is the one place where the lock has
    /// to be enforced. A mint has no previous holder and skips the read. Checked after the parent's update because the parent reports the previous
    /// holder, which saves reading it twice; a revert undoes the update, and no foreign code runs
    /// in between. `redeem` unlocks before it burns, so burns need no exception here.
    function _update(address to, uint256 tokenId, address auth)
        internal
        override(ERC721Pausable)
        returns (address from)
    {
        from = super._update(to, tokenId, auth);
        if (from != address(0) && _locked[tokenId]) {
            revert TokenLocked(tokenId);
        }
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
