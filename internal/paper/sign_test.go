package paper_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/paper"
)

// authority is a certifying authority that the test made, in the database that pdfsig reads.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  crypto.Signer
	nss  string
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if testing.Short() {
			t.Skipf("%s is missing; make setup installs it", name)
		}
		t.Fatalf("%s is missing; run make setup", name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, nss: t.TempDir()}
	var err error
	if a.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	a.cert = a.issue(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, a.key.Public())
	file := filepath.Join(t.TempDir(), "ca.pem")
	write(t, file, block("CERTIFICATE", a.cert.Raw))
	tool(t, "certutil", "-N", "-d", "sql:"+a.nss, "--empty-password")
	tool(t, "certutil", "-A", "-d", "sql:"+a.nss, "-n", "test", "-t", "CT,CT,CT", "-i", file)
	return a
}

func (a *authority) issue(c *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	a.t.Helper()
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

// agency gives a certificate of the authority's for a key.
func (a *authority) agency(public crypto.PublicKey) *x509.Certificate {
	return a.issue(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Cyber Crime Unit, Capital"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}, public)
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(t *testing.T, file string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// judged gives what pdfsig says of a PDF; it ends with 1 if a signature is not valid.
func (a *authority) judged(pdf []byte) string {
	a.t.Helper()
	file := write(a.t, filepath.Join(a.t.TempDir(), "signed.pdf"), pdf)
	out, _ := exec.Command("pdfsig", "-nssdir", "sql:"+a.nss, file).CombinedOutput()
	return string(out)
}

const (
	valid   = "Signature Validation: Signature is Valid."
	trusted = "Certificate Validation: Certificate is Trusted."
)

func TestSignature(t *testing.T) {
	a := newAuthority(t)
	unsigned := compose(t, each(paper.Hindi)[courier.TakedownOrder])
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := func(name string, b []byte) string { return write(t, filepath.Join(dir, name), b) }
	chain := func(c *x509.Certificate) []byte {
		return append(block("CERTIFICATE", c.Raw), block("CERTIFICATE", a.cert.Raw)...)
	}
	rsaCert, ecCert := a.agency(rsaKey.Public()), a.agency(ecKey.Public())
	ecDER, err := x509.MarshalPKCS8PrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	p12, err := pkcs12.Modern.Encode(rsaKey, rsaCert, []*x509.Certificate{a.cert}, "kite")
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM := in("rsa.key", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)))
	ecPEM := in("ec.key", block("PRIVATE KEY", ecDER))
	files := map[string]paper.SignerFiles{
		"RSA in PEM":       {Certificate: in("rsa.pem", chain(rsaCert)), Key: rsaPEM},
		"ECDSA in PEM":     {Certificate: in("ec.pem", chain(ecCert)), Key: ecPEM},
		"PKCS#12":          {Certificate: in("rsa.p12", p12), PasswordFile: in("password", []byte("kite\n"))},
		"RSA by command":   {Certificate: in("rsa.pem", chain(rsaCert)), Command: "openssl pkeyutl -sign -inkey " + rsaPEM},
		"ECDSA by command": {Certificate: in("ec.pem", chain(ecCert)), Command: "openssl pkeyutl -sign -inkey " + ecPEM},
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			s, err := paper.OpenSigner(f)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := s.Sign(context.Background(), unsigned, "Cyber Crime Unit, Capital", "UNIT.CAPITAL/TO/2022/0007", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(signed, unsigned) {
				t.Error("the signature changed the paper")
			}
			if said := a.judged(signed); !strings.Contains(said, valid) || !strings.Contains(said, trusted) || !strings.Contains(said, "Total document signed") {
				t.Errorf("pdfsig says\n%s", said)
			}
			if got := words(t, signed); got != words(t, unsigned) {
				t.Errorf("the signed paper reads\n%s", got)
			}
			if info := poppler(t, signed, "pdfinfo"); !strings.Contains(info, "Tagged:          yes") {
				t.Errorf("the signed paper lost its tags: %s", info)
			}
			bent := bytes.Clone(signed)
			at := bytes.Index(bent, []byte("/MediaBox [0 0 595")) + len("/MediaBox [0 0 ")
			bent[at] = '4'
			if said := a.judged(bent); strings.Contains(said, valid) || !strings.Contains(said, "Digest Mismatch") {
				t.Errorf("of a changed paper pdfsig says\n%s", said)
			}
		})
	}
	other := newAuthority(t)
	s, err := paper.OpenSigner(files["RSA in PEM"])
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(context.Background(), unsigned, "x", "y", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if said := other.judged(signed); strings.Contains(said, trusted) {
		t.Errorf("who knows another authority is told\n%s", said)
	}
	if _, err := s.Sign(context.Background(), unsigned, "x", "y", time.Now().Add(48*time.Hour)); fault.Of(err) != fault.Refused {
		t.Errorf("an expired certificate: %v", err)
	}
	for name, f := range map[string]paper.SignerFiles{"another key": {Certificate: files["RSA in PEM"].Certificate, Key: ecPEM}, "no key": {Certificate: files["RSA in PEM"].Certificate},
		"no certificate": {Key: rsaPEM}, "a wrong password": {Certificate: files["PKCS#12"].Certificate}, "no such file": {Certificate: filepath.Join(dir, "kite")}, "no PEM": {Certificate: files["RSA in PEM"].Certificate, Key: in("none", []byte("kite"))}} {
		if _, err := paper.OpenSigner(f); err == nil || fault.Of(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, command := range map[string]string{"that fails": "false", "that lies": "echo kite", "that is not there": "/no/such/program"} {
		s, err := paper.OpenSigner(paper.SignerFiles{Certificate: files["RSA in PEM"].Certificate, Command: command})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sign(context.Background(), unsigned, "x", "y", time.Now()); err == nil {
			t.Errorf("a command %s signed", name)
		}
	}
}

// TestToken signs with a key that never leaves a token: SoftHSM through pkcs11-tool.
func TestToken(t *testing.T) {
	a := newAuthority(t)
	dir := t.TempDir()
	conf := write(t, filepath.Join(dir, "softhsm2.conf"), fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\n", dir))
	t.Setenv("SOFTHSM2_CONF", conf)
	tool(t, "softhsm2-util", "--init-token", "--free", "--label", "paper", "--so-pin", "12345678", "--pin", "1234")
	modules, err := filepath.Glob("/usr/lib/*/softhsm/libsofthsm2.so")
	if err != nil || len(modules) == 0 {
		t.Fatalf("SoftHSM's module is missing; run make setup (%v)", err)
	}
	base := []string{"--module", modules[0], "--login", "--pin", "1234"}
	tool(t, "pkcs11-tool", append(base, "--keypairgen", "--key-type", "rsa:2048", "--id", "01")...)
	der := filepath.Join(dir, "public.der")
	tool(t, "pkcs11-tool", append(base, "--read-object", "--type", "pubkey", "--id", "01", "--output-file", der)...)
	b, err := os.ReadFile(der)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.ParsePKIXPublicKey(b)
	if err != nil {
		t.Fatal(err)
	}
	cert := write(t, filepath.Join(dir, "token.pem"), append(block("CERTIFICATE", a.agency(public).Raw), block("CERTIFICATE", a.cert.Raw)...))
	s, err := paper.OpenSigner(paper.SignerFiles{Certificate: cert, Command: "pkcs11-tool " + strings.Join(base, " ") + " --sign --mechanism RSA-PKCS --id 01"})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(context.Background(), compose(t, each(paper.English)[courier.Summons]), "Cyber Crime Unit, Capital", "UNIT.CAPITAL/S/2022/0001", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if said := a.judged(signed); !strings.Contains(said, valid) || !strings.Contains(said, trusted) {
		t.Errorf("pdfsig says\n%s", said)
	}
}
