// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC2981} from "@openzeppelin/contracts/token/common/ERC2981.sol";
import {ApprovalEvent, ApprovalProof} from "./ApprovalEvent.sol";
import {CaskMetadata} from "./CaskMetadata.sol";
import {LedgerAnchors} from "./LedgerAnchors.sol";

/// @notice One mint of several.
struct CaskMint {
    /// First holder.
    address to;
    /// The cask's 64-bit id, not zero.
    uint256 tokenId;
    /// SHA-256 of the metadata document, not zero.
    bytes32 metadataDigest;
}

/// @title One token per whisky cask
/// @notice Each token stands for one cask registered on CaskChain. Its id is the cask's own id on
/// the platform, so a cask cannot have two tokens in this contract. Holding the token is not legal
/// title to the cask: the warehousekeeper's record is.
/// @dev Not upgradeable on purpose: a holder can rely on the rules below only if nobody can replace
/// them. A successor would be a new contract.
///
/// The one invariant everything rests on: `digestOf[tokenId]` leaves zero once, at the mint, and
/// never returns to zero, not even when the token is burned.
contract CaskNft is ERC2981, CaskMetadata, LedgerAnchors {
    /// @notice May mint, and nothing else: a stolen minting key can neither move nor burn a token.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice May stop and restart every movement of tokens.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice No batch may be longer.
    /// @dev At some 75 000 gas each, half of what one transaction may use on Ethereum (EIP-7825).
    uint256 public constant MAX_BATCH = 100;

    /// @notice A cask got its token.
    /// @dev Emitted beside `Transfer` so that one log tells a watcher which metadata was minted.
    event CaskMinted(uint256 indexed tokenId, address indexed to, bytes32 metadataDigest);

    /// @notice A batch came upon a cask that has, or had, its token. `digest` is its current one.
    event CaskMintSkipped(uint256 indexed tokenId, bytes32 digest);

    /// @notice A mint was backed by the cask's approval, the event at this position of the ledger.
    /// @dev The leaf's hash lets an auditor compare without putting the event together again.
    event CaskApprovalProven(uint256 indexed tokenId, uint64 position, bytes32 leafHash);

    /// @notice A cask left the platform and its token was burned.
    event CaskRedeemed(uint256 indexed tokenId, address indexed holder, bytes32 metadataDigest);

    /// @notice The royalty of all tokens changed; zero values mean none.
    /// @dev ERC-2981 defines no event, which would leave the change invisible in the logs.
    event DefaultRoyaltyChanged(address indexed receiver, uint96 feeNumerator);

    /// @notice This id was minted before. `digest` is its current digest.
    error AlreadyMinted(uint256 tokenId, bytes32 digest);

    /// @notice A batch is empty or longer than `MAX_BATCH`.
    error InvalidBatchSize(uint256 size);

    /// @notice The proof does not lead from the approval of this cask to the anchored root.
    error ApprovalNotProven(uint256 tokenId);

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
        _requireMintable(tokenId, metadataDigest);
        _requireNoApprovalNeeded(tokenId);
        _mintCask(to, tokenId, metadataDigest);
    }

    /// @notice Mints the token of a cask whose approval is in the anchored ledger.
    /// @dev Open whether or not the approval is required. What the proof shows, and what it cannot,
    /// is in the README.
    /// @param to First holder.
    /// @param tokenId The cask's 64-bit id, not zero.
    /// @param metadataDigest SHA-256 of the metadata document, not zero.
    /// @param proof The approval, and the way from its leaf to an anchored root.
    function mintApproved(
        address to,
        uint256 tokenId,
        bytes32 metadataDigest,
        ApprovalProof calldata proof
    ) external onlyRole(MINTER_ROLE) {
        _requireMintable(tokenId, metadataDigest);
        bytes32 leaf = ApprovalEvent.leafHash(tokenId, proof);
        if (!_isInLedger(leaf, proof.position, proof.treeSize, proof.path)) {
            revert ApprovalNotProven(tokenId);
        }
        _mintCask(to, tokenId, metadataDigest);
        emit CaskApprovalProven(tokenId, proof.position, leaf);
    }

    /// @notice Mints the tokens of several casks.
    /// @dev A cask that has its token is skipped with an event: one item that somebody else was
    /// faster with must not undo the others, and a batch sent again has to end like the first.
    /// Anything else that is wrong with an item undoes the batch.
    /// @param casks Who gets what; at least one, at most `MAX_BATCH`.
    function mintBatch(CaskMint[] calldata casks) external onlyRole(MINTER_ROLE) {
        if (casks.length == 0 || casks.length > MAX_BATCH) revert InvalidBatchSize(casks.length);
        for (uint256 i = 0; i < casks.length; ++i) {
            _mintOrSkip(casks[i]);
        }
    }

    /// @notice Burns the token of a cask that was bottled, lost or withdrawn.
    /// @dev Needs the token locked first: otherwise a holder could sell it in the moment before the
    /// burn, and the buyer would lose a token nobody had marked. The digest stays, the properties
    /// go (ERC-7578).
    /// @param tokenId The token.
    function redeem(uint256 tokenId) external onlyRole(CUSTODIAN_ROLE) {
        address holder = _requireOwned(tokenId);
        _burnLocked(tokenId);
        _removePropertiesOf(tokenId);
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

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(AccessControl, ERC2981, CaskMetadata)
        returns (bool)
    {
        return super.supportsInterface(interfaceId);
    }

    function _mintOrSkip(CaskMint calldata cask) private {
        _requireCask(cask.tokenId, cask.metadataDigest);
        bytes32 existing = digestOf[cask.tokenId];
        if (existing != 0) {
            emit CaskMintSkipped(cask.tokenId, existing);
            return;
        }
        _requireNoApprovalNeeded(cask.tokenId);
        _mintCask(cask.to, cask.tokenId, cask.metadataDigest);
    }

    /// @dev The caller has made sure that the id was never minted.
    function _mintCask(address to, uint256 tokenId, bytes32 metadataDigest) private {
        digestOf[tokenId] = metadataDigest;
        _noteMint();
        _mint(to, tokenId);
        emit CaskMinted(tokenId, to, metadataDigest);
        _emitLockOfMint(tokenId);
    }

    function _requireMintable(uint256 tokenId, bytes32 metadataDigest) private view {
        _requireCask(tokenId, metadataDigest);
        bytes32 existing = digestOf[tokenId];
        if (existing != 0) revert AlreadyMinted(tokenId, existing);
    }

    function _requireCask(uint256 tokenId, bytes32 metadataDigest) private pure {
        _requireCaskId(tokenId);
        if (metadataDigest == 0) revert ZeroDigest(tokenId);
    }
}
