// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle trees by the definitions of RFC 6962, section 2.1, word for word
/// @dev Recursive, and slow for it. It makes proofs and the contract checks them, so the two share
/// neither algorithm nor code. The tests are external calls, which give their memory back.
abstract contract MerkleTree {
    function rootOf(uint64 size) external view returns (bytes32) {
        return _hash(0, size);
    }

    function leafAt(uint64 index) external view returns (bytes32) {
        return _hash(index, 1);
    }

    /// @dev PATH of section 2.1.1.
    function inclusion(uint64 index, uint64 size) external view returns (bytes32[] memory) {
        return _path(index, 0, size);
    }

    /// @dev PROOF of section 2.1.2.
    function consistency(uint64 oldSize, uint64 newSize) external view returns (bytes32[] memory) {
        return _subproof(oldSize, 0, newSize, true);
    }

    /// @dev The hash of leaf `index`.
    function _leaf(uint64 index) internal view virtual returns (bytes32);

    /// @dev MTH over the leaves from `start`, `size` of them.
    function _hash(uint64 start, uint64 size) internal view virtual returns (bytes32) {
        if (size == 1) return _leaf(start);
        uint64 k = _split(size);
        return _node(_hash(start, k), _hash(start + k, size - k));
    }

    function _node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(1), left, right));
    }

    /// @dev The largest power of two smaller than `size`.
    function _split(uint64 size) internal pure returns (uint64 k) {
        k = 1;
        while (k < size - k) k *= 2;
    }

    function _path(uint64 m, uint64 start, uint64 size) private view returns (bytes32[] memory) {
        if (size == 1) return new bytes32[](0);
        uint64 k = _split(size);
        if (m < k) return _append(_path(m, start, k), _hash(start + k, size - k));
        return _append(_path(m - k, start + k, size - k), _hash(start, k));
    }

    function _subproof(uint64 m, uint64 start, uint64 size, bool whole)
        private
        view
        returns (bytes32[] memory none)
    {
        if (m == size) return whole ? none : _append(none, _hash(start, size));
        uint64 k = _split(size);
        if (m <= k) return _append(_subproof(m, start, k, whole), _hash(start + k, size - k));
        return _append(_subproof(m - k, start + k, size - k, false), _hash(start, k));
    }

    function _append(bytes32[] memory list, bytes32 item)
        private
        pure
        returns (bytes32[] memory longer)
    {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = item;
    }
}

/// @dev Leaf i holds the number i, but for one that may be another's.
contract NumberedTree is MerkleTree {
    uint64 public constant NONE = type(uint64).max;
    uint64 private immutable _changed;

    constructor(uint64 changed) {
        _changed = changed;
    }

    function _leaf(uint64 index) internal view override returns (bytes32) {
        return sha256(abi.encodePacked(uint8(0), index, index == _changed));
    }
}

/// @dev The eight leaves on which implementations of Certificate Transparency test themselves.
contract KnownTree is MerkleTree {
    bytes[8] private _leaves = [
        bytes(""),
        hex"00",
        hex"10",
        hex"2021",
        hex"3031",
        hex"40414243",
        hex"5051525354555657",
        hex"606162636465666768696a6b6c6d6e6f"
    ];

    function _leaf(uint64 index) internal view override returns (bytes32) {
        return sha256(abi.encodePacked(uint8(0), _leaves[index]));
    }
}

/// @dev A tree of any size, all of whose leaves are alike but for one; so the subtrees without it
/// need not be looked into.
contract HugeTree is MerkleTree {
    bytes32 private constant ALIKE = sha256(hex"00aa");
    uint64 private immutable _marked;
    bytes32 private immutable _mark;
    bytes32[64] private _perfect;

    constructor(uint64 marked, bytes32 mark) {
        (_marked, _mark) = (marked, mark);
        _perfect[0] = ALIKE;
        for (uint256 i = 1; i < 64; ++i) {
            _perfect[i] = _node(_perfect[i - 1], _perfect[i - 1]);
        }
    }

    function _leaf(uint64 index) internal view override returns (bytes32) {
        return index == _marked ? _mark : ALIKE;
    }

    function _hash(uint64 start, uint64 size) internal view override returns (bytes32) {
        bool isMarked = start <= _marked && _marked - start < size;
        if (!isMarked && size & (size - 1) == 0) return _perfect[_log2(size)];
        return super._hash(start, size);
    }

    function _log2(uint64 power) private pure returns (uint256 exponent) {
        while (power > 1) (power, exponent) = (power >> 1, exponent + 1);
    }
}
