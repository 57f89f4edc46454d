package courier

import (
	"strings"

	"raksha.example/raksha/internal/fault"
)

// The codes with which a document is refused. Each comes with a sentence that says what is wrong. First those of the form:
const (
	TooLarge           = "too_large"
	NotUTF8            = "not_utf8"
	Malformed          = "malformed" // not JSON by RFC 8259, or what a body holds is not readable
	TrailingData       = "trailing_data"
	TooDeep            = "too_deep"
	NumberTooLarge     = "number_too_large"
	DuplicateKey       = "duplicate_key"
	CaseVariantKey     = "case_variant_key"
	UnknownMember      = "unknown_member"
	MissingMember      = "missing_member"
	WrongKind          = "wrong_kind" // a string where a number belongs, and the like
	NotObject          = "not_object"
	NotCanonical       = "not_canonical" // good JSON, but not the one spelling
	PayloadEncoding    = "payload_encoding"
	SignatureCount     = "signature_count"
	SignatureEncoding  = "signature_encoding"
	HeaderEncoding     = "header_encoding"
	UnprotectedHeader  = "unprotected_header"
	HeaderCritical     = "header_crit"
	HeaderUnencoded    = "header_b64"
	HeaderBringsKey    = "header_brings_key" // jwk, jku, x5c, x5u, x5t
	HeaderNotAllowed   = "header_not_allowed"
	AlgorithmMissing   = "algorithm_missing"
	AlgorithmNone      = "algorithm_none"
	AlgorithmSymmetric = "algorithm_symmetric" // HS256 and its like: whoever can check it can forge it
	AlgorithmRSA       = "algorithm_rsa"
	Algorithm          = "algorithm" // any other
	MixedAlgorithms    = "mixed_algorithms"
	KIDMissing         = "kid_missing"
	TypeMissing        = "typ_missing"
	ForeignType        = "foreign_type"
	MixedTypes         = "mixed_types"
	BadClaim           = "bad_claim"
	BadTimes           = "bad_times"
	BodyNotObject      = "body_not_object"
)

// Then those of who signed, with which keys, and whether the document may be received here and now.
const (
	WrongType           = "wrong_type"
	UnknownIssuerCode   = "unknown_issuer"
	UnknownKeyCode      = "unknown_key"
	BadDirectoryKey     = "bad_directory_key"
	ForeignKey          = "foreign_key"
	RepeatedSignature   = "repeated_signature"
	TwoOfficers         = "two_officer_signatures"
	TwoAgencies         = "two_agency_signatures"
	SignatureOrder      = "signature_order"
	MissingAgency       = "missing_agency_signature"
	MissingOfficer      = "missing_officer_signature"
	BadSignature        = "bad_signature"
	BadCountersignature = "bad_countersignature"
	SwappedSignatures   = "swapped_signatures"
	KeyRevoked          = "key_revoked"
	AgencyKeyRevoked    = "agency_key_revoked"
	SignedAfterRevoked  = "signed_after_revocation"
	SignedBeforeKey     = "signed_before_key"
	KeyExpired          = "key_expired"
	AgencyKeyExpired    = "agency_key_expired"
	KeyNotYetValid      = "key_not_yet_valid"
	PasskeyMissing      = "passkey_missing"
	PasskeyUnlisted     = "passkey_unlisted"
	PasskeyUnknown      = "passkey_unknown"
	WrongAudience       = "wrong_audience"
	Expired             = "expired"
	NotYetValid         = "not_yet_valid"
	NotAllowed          = "instrument_not_allowed"
	NoSuchDesk          = "no_such_desk"
	IdentifierReused    = "identifier_reused"
	NoNumber            = "no_number"
)

// refuse makes a refusal with its code.
func refuse(code, format string, args ...any) error {
	return fault.Coded(fault.Refused, code, format, args...)
}

// UnknownIssuer is the refusal of an agency that the directory does not list.
func UnknownIssuer(issuer string) error {
	return refuse(UnknownIssuerCode, "the agency %q is not in this node's directory; its root fingerprint must be pinned first", issuer)
}

// UnknownKey is the refusal of a key that the directory does not list for an agency.
func UnknownKey(issuer, kid string) error {
	return refuse(UnknownKeyCode, "the directory lists no key %q of the agency %q", kid, issuer)
}

// refuseAlgorithm names what is wrong with an algorithm other than EdDSA (RFC 8725 s.3.1: a verifier takes what it expects,
// never what the sender names).
func refuseAlgorithm(alg string) error {
	switch {
	case strings.EqualFold(alg, "none"):
		return refuse(AlgorithmNone, "a signature uses the algorithm %q, which signs nothing; only EdDSA is accepted", alg)
	case strings.HasPrefix(alg, "HS"):
		return refuse(AlgorithmSymmetric, "a signature uses the algorithm %q, with which whoever can check it could have made it; only EdDSA is accepted", alg)
	case strings.HasPrefix(alg, "RS"), strings.HasPrefix(alg, "PS"):
		return refuse(AlgorithmRSA, "a signature uses the RSA algorithm %q; only EdDSA is accepted", alg)
	}
	return refuse(Algorithm, "a signature uses the algorithm %q; only EdDSA is accepted", alg)
}

// refuseHeader names what is wrong with a member that no protected header may have: each of them has been used to make a
// verifier believe the sender about how to verify.
func refuseHeader(name string) error {
	switch name {
	case "crit":
		return refuse(HeaderCritical, `a protected header has the member "crit"; no extension is understood here, and none is needed`)
	case "b64":
		return refuse(HeaderUnencoded, `a protected header has the member "b64"; the payload is always encoded`)
	case "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256":
		return refuse(HeaderBringsKey, "a protected header has the member %q; keys come from the directory, never from the document", name)
	}
	return refuse(HeaderNotAllowed, "a protected header has the member %q; only alg, kid and typ are allowed", name)
}
