package identity

import "github.com/go-webauthn/webauthn/protocol"

// CodeAt is codeAt, for the RFC's examples.
var CodeAt = codeAt

// Handle is what a passkey knows its owner by.
func (p *People) Handle(id int64) []byte { return p.handle(id) }

// ParseAnswers reads foreign bytes as the ceremonies do.
func ParseAnswers(b []byte) {
	if len(b) > responseLimit {
		return
	}
	protocol.ParseCredentialCreationResponseBytes(b)
	protocol.ParseCredentialRequestResponseBytes(b)
	ParseAssertion(b)
}
