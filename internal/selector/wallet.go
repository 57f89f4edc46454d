package selector

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"regexp"
	"strings"

	"raksha.example/raksha/internal/fault"
)

var ethereumShape = regexp.MustCompile(`^0x[0-9a-f]{40}$`)

// wallet normalises the address of a Bitcoin, Tron or Ethereum wallet.
func wallet(s string) (string, error) {
	for _, scheme := range []string{"bitcoin:", "ethereum:", "tron:"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			s, _, _ = strings.Cut(s[len(scheme):], "?")
			break
		}
	}
	lower := strings.ToLower(s)
	switch {
	case ethereumShape.MatchString(lower):
		return lower, nil
	case strings.HasPrefix(lower, "bc1"):
		if (s == lower || s == strings.ToUpper(s)) && segwit(lower) {
			return lower, nil
		}
	case base58Check(s):
		return s, nil
	}
	return "", fault.New(fault.Invalid, "%.100q is no Bitcoin, Tron or Ethereum address, or a character of it is wrong", s)
}

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Check tells whether s is a sound address of 20 bytes: Bitcoin pay-to-public-key-hash (version 0x00) or
// pay-to-script-hash (0x05), or Tron (0x41). The last four bytes are the start of a double SHA-256 of the rest.
func base58Check(s string) bool {
	if len(s) < 26 || len(s) > 35 {
		return false
	}
	n, base := new(big.Int), big.NewInt(58)
	for i := range len(s) {
		digit := strings.IndexByte(base58Digits, s[i])
		if digit < 0 {
			return false
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(digit)))
	}
	zeros := len(s) - len(strings.TrimLeft(s, "1")) // each leading 1 stands for a zero byte
	b := append(make([]byte, zeros), n.Bytes()...)
	if len(b) != 25 || b[0] != 0x00 && b[0] != 0x05 && b[0] != 0x41 {
		return false
	}
	first := sha256.Sum256(b[:21])
	second := sha256.Sum256(first[:])
	return bytes.Equal(second[:4], b[21:])
}

const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// segwit tells whether s, in lower case, is a sound address of Bitcoin's main network by BIP 173 (witness version 0)
// and BIP 350 (later versions).
func segwit(s string) bool {
	const prefix = "bc"
	if len(s) < 14 || len(s) > 74 {
		return false
	}
	digits := make([]byte, 0, len(s))
	for i := len(prefix) + 1; i < len(s); i++ {
		d := strings.IndexByte(bech32Digits, s[i])
		if d < 0 {
			return false
		}
		digits = append(digits, byte(d))
	}
	check := uint32(1)
	step := func(d byte) {
		top := check >> 25
		check = check&0x1ffffff<<5 ^ uint32(d)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				check ^= g
			}
		}
	}
	for i := range len(prefix) {
		step(prefix[i] >> 5)
	}
	step(0)
	for i := range len(prefix) {
		step(prefix[i] & 31)
	}
	for _, d := range digits {
		step(d)
	}
	version, program := digits[0], digits[1:len(digits)-6]
	want := uint32(0x2bc830a3) // BIP 350
	if version == 0 {
		want = 1 // BIP 173
	}
	if check != want || version > 16 {
		return false
	}
	bits := len(program) * 5
	size, spare := bits/8, bits%8
	if spare >= 5 || len(program) > 0 && program[len(program)-1]&(1<<spare-1) != 0 {
		return false
	}
	return size >= 2 && size <= 40 && (version != 0 || size == 20 || size == 32)
}
