package paper

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/digitorus/pdf"
	"github.com/digitorus/pdfsign/sign"
	"software.sslmate.com/src/go-pkcs12"

	"raksha.example/raksha/internal/fault"
)

// Signer puts the agency's seal on a PDF: a PKCS#7 signature in it (ISO 32000-1 12.8), by a certificate that readers know.
// It is for people and their programs; between nodes the signed document counts, not its paper.
type Signer struct {
	chain []*x509.Certificate // the agency's own first
	key   crypto.Signer
}

// SignerFiles name where certificate and key are. Certificate is PEM (the agency's first, then those that stand behind it)
// or PKCS#12, which holds the key too. The key is in Key (PEM, PKCS#8 or older) or behind Command, a program that signs:
// see command. PasswordFile holds the password of PKCS#12.
type SignerFiles struct{ Certificate, Key, PasswordFile, Command string }

// OpenSigner reads a signer; without a certificate there is none.
func OpenSigner(f SignerFiles) (*Signer, error) {
	if f.Certificate == "" {
		if f.Key != "" || f.Command != "" {
			return nil, fault.New(fault.Invalid, "name the certificate that papers are signed with, too")
		}
		return nil, nil
	}
	b, err := os.ReadFile(f.Certificate)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the certificate %s cannot be read", f.Certificate)
	}
	s := &Signer{}
	if bytes.Contains(b, []byte("-----BEGIN")) {
		err = s.readPEM(b)
	} else {
		err = s.readPKCS12(b, f.PasswordFile)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case s.key != nil:
	case f.Command != "":
		s.key = command{public: s.chain[0].PublicKey, args: strings.Fields(f.Command)}
	case f.Key != "":
		if b, err = os.ReadFile(f.Key); err != nil {
			return nil, fault.Wrap(err, fault.NotFound, "the key %s cannot be read", f.Key)
		}
		if s.key, err = parseKey(b); err != nil {
			return nil, err
		}
	default:
		return nil, fault.New(fault.Invalid, "%s holds no key: name the key's file, or the command that signs", filepath.Base(f.Certificate))
	}
	switch k := s.key.Public().(type) {
	case *rsa.PublicKey:
		if !k.Equal(s.chain[0].PublicKey) {
			return nil, fault.New(fault.Invalid, "the key is not that of the certificate")
		}
	case *ecdsa.PublicKey:
		if !k.Equal(s.chain[0].PublicKey) {
			return nil, fault.New(fault.Invalid, "the key is not that of the certificate")
		}
	default:
		return nil, fault.New(fault.NotSupported, "papers are signed with RSA or ECDSA; the certificate has another kind of key")
	}
	return s, nil
}

func (s *Signer) readPEM(b []byte) (err error) {
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "a certificate that papers are signed with is not readable")
			}
			s.chain = append(s.chain, c)
		case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY":
			if s.key, err = parseKey(pem.EncodeToMemory(block)); err != nil {
				return err
			}
		}
	}
	if len(s.chain) == 0 {
		return fault.New(fault.Invalid, "the file holds no certificate")
	}
	return nil
}

func (s *Signer) readPKCS12(b []byte, passwordFile string) error {
	password := ""
	if passwordFile != "" {
		p, err := os.ReadFile(passwordFile)
		if err != nil {
			return fault.Wrap(err, fault.NotFound, "the password's file cannot be read")
		}
		password = strings.TrimRight(string(p), "\r\n")
	}
	key, own, chain, err := pkcs12.DecodeChain(b, password)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the certificate's file is neither PEM nor PKCS#12, or the password is wrong")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return fault.New(fault.NotSupported, "the key in the certificate's file cannot sign")
	}
	s.key, s.chain = signer, append([]*x509.Certificate{own}, chain...)
	return nil
}

func parseKey(b []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fault.New(fault.Invalid, "the key that papers are signed with is no PEM file")
	}
	var key any
	var err error
	switch block.Type {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fault.New(fault.Invalid, "the key that papers are signed with is not readable")
	}
	return signer, nil
}

// Sign adds the signature to a PDF, behind its bytes as they are. ctx bounds the time that a command takes.
func (s *Signer) Sign(ctx context.Context, b []byte, name, number string, at time.Time) ([]byte, error) {
	key := s.key
	if c, ok := key.(command); ok {
		c.ctx = ctx
		key = c
	}
	if at.Before(s.chain[0].NotBefore) || at.After(s.chain[0].NotAfter) {
		return nil, fault.New(fault.Refused, "the certificate that papers are signed with is good from %s to %s only", s.chain[0].NotBefore.Format(time.DateOnly), s.chain[0].NotAfter.Format(time.DateOnly))
	}
	reader, err := pdf.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = sign.Sign(bytes.NewReader(b), &out, reader, int64(len(b)), sign.SignData{
		Signature: sign.SignDataSignature{CertType: sign.CertificationSignature, DocMDPPerm: sign.DoNotAllowAnyChangesPerms,
			Info: sign.SignDataSignatureInfo{Name: name, Reason: number, Date: at.UTC()}},
		Signer: key, DigestAlgorithm: crypto.SHA256, Certificate: s.chain[0], CertificateChains: [][]*x509.Certificate{s.chain}})
	return out.Bytes(), err
}

// command is a key that a program holds, such as one that asks a smart card or a PKCS#11 module. The program reads from its
// standard input what the key signs and prints the signature: for RSA the DigestInfo of PKCS #1 v1.5 (RFC 8017 9.2) and the
// plain signature, for ECDSA the SHA-256 digest and the signature in DER. So pkcs11-tool takes and gives them:
//
//	pkcs11-tool --module M --sign --mechanism RSA-PKCS --id 01
//	pkcs11-tool --module M --sign --mechanism ECDSA --signature-format openssl --id 01
type command struct {
	public crypto.PublicKey
	args   []string
	ctx    context.Context // of one signature
}

const (
	commandTime   = 30 * time.Second
	commandOutput = 64 << 10
)

// Public implements crypto.Signer.
func (c command) Public() crypto.PublicKey { return c.public }

// digestInfo stands before a SHA-256 digest that RSA signs.
var digestInfo = []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}

// Sign implements crypto.Signer. What the program gives is held against the certificate before it is used.
func (c command) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if len(c.args) == 0 || opts.HashFunc() != crypto.SHA256 {
		return nil, fault.New(fault.NotSupported, "the signing command signs SHA-256 digests only")
	}
	parent := c.ctx
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, commandTime)
	defer cancel()
	input := digest
	if _, ok := c.public.(*rsa.PublicKey); ok {
		input = append(bytes.Clone(digestInfo), digest...)
	}
	run := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	run.Stdin = bytes.NewReader(input)
	var said bytes.Buffer
	run.Stderr = &limited{&said, 2000}
	var signature bytes.Buffer
	run.Stdout = &limited{&signature, commandOutput}
	run.WaitDelay = time.Second
	if err := run.Run(); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the command that signs papers failed: %v %s", err, strings.TrimSpace(said.String()))
	}
	var ok bool
	switch k := c.public.(type) {
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, signature.Bytes()) == nil
	case *ecdsa.PublicKey:
		ok = ecdsa.VerifyASN1(k, digest, signature.Bytes())
	}
	if !ok {
		return nil, fault.New(fault.Unavailable, "what the command that signs papers gave is no signature by the key of the certificate")
	}
	return signature.Bytes(), nil
}

// limited keeps the beginning of what is written to it.
type limited struct {
	to   *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	n := min(l.left, len(b))
	l.to.Write(b[:n])
	l.left -= n
	return len(b), nil
}
