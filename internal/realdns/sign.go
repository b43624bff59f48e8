package realdns

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Signer is a program that signs zone files.
type Signer string

// The signers. Knot signs by itself: see [Server.ServeSigning].
const (
	LDNS      Signer = "ldns-signzone"
	BINDTools Signer = "dnssec-signzone"
)

// Signing says how a zone is signed. The zero value but for By and Algorithm is a zone with NSEC and signatures that are
// valid from a day ago for a fortnight.
type Signing struct {
	By          Signer
	Algorithm   string // its mnemonic, as in ECDSAP256SHA256
	Bits        int    // of RSA keys; 0: 1024
	NSEC3       bool
	OptOut      bool
	Iterations  int
	Salt        string // octets in hexadecimal
	From, Until time.Time
}

// SignedZone is a zone as its signer has written it, whole.
type SignedZone struct {
	Text string
	DS   string // the DS record for the zone above, SHA-256
	Key  string // the DNSKEY record that it names
}

// Sign signs a zone whose text is as for [Server.Serve]. A signer that is not installed skips the test, or fails it where
// CI=true.
func Sign(t testing.TB, origin, text string, how Signing) SignedZone {
	t.Helper()
	dir := t.TempDir()
	run := func(name, pkg string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), RequireProgram(t, name, pkg), args...)
		cmd.Dir = dir
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("realdns: sign %s: %s %s: %v\n%s%s", origin, name, strings.Join(args, " "), err, out, errs.String())
		}
		return strings.TrimSpace(string(out))
	}
	if how.From.IsZero() {
		how.From = time.Now().AddDate(0, 0, -1)
	}
	if how.Until.IsZero() {
		how.Until = time.Now().AddDate(0, 0, 14)
	}
	bits := strconv.Itoa(cmp.Or(how.Bits, 1024))
	const stamp = "20060102150405"
	from, until := how.From.UTC().Format(stamp), how.Until.UTC().Format(stamp)
	file := filepath.Join(dir, "zone")
	if err := os.WriteFile(file, []byte(zoneHead+text+"\n"), 0o600); err != nil {
		t.Fatalf("realdns: sign %s: %v", origin, err)
	}
	salt := how.Salt
	var ksk string
	switch how.By {
	case LDNS:
		const pkg = "ldnsutils"
		generate := []string{"-r", "/dev/urandom", "-a", how.Algorithm}
		if strings.HasPrefix(how.Algorithm, "RSA") {
			generate = append(generate, "-b", bits)
		}
		ksk = run("ldns-keygen", pkg, append(generate, "-k", origin)...)
		zsk := run("ldns-keygen", pkg, append(generate, origin)...)
		args := []string{"-o", origin, "-i", from, "-e", until, "-f", file + ".signed"}
		if how.NSEC3 {
			args = append(args, "-n", "-t", strconv.Itoa(how.Iterations))
			if salt != "" {
				args = append(args, "-s", salt)
			}
			if how.OptOut {
				args = append(args, "-p")
			}
		}
		run("ldns-signzone", pkg, append(args, file, ksk, zsk)...)
	case BINDTools:
		const pkg = "bind9-utils"
		generate := []string{"-q", "-K", dir, "-a", how.Algorithm}
		if strings.HasPrefix(how.Algorithm, "RSA") {
			generate = append(generate, "-b", bits)
		}
		if how.NSEC3 {
			generate = append(generate, "-3")
		}
		ksk = run("dnssec-keygen", pkg, append(generate, "-f", "KSK", origin)...)
		run("dnssec-keygen", pkg, append(generate, origin)...)
		args := []string{"-q", "-S", "-K", dir, "-o", origin, "-s", from, "-e", until, "-f", file + ".signed", "-O", "full"}
		if how.NSEC3 {
			if salt == "" {
				salt = "-"
			}
			args = append(args, "-3", salt, "-H", strconv.Itoa(how.Iterations))
			if how.OptOut {
				args = append(args, "-A")
			}
		}
		run("dnssec-signzone", pkg, append(args, file)...)
	default:
		t.Fatalf("realdns: sign %s: there is no signer %q", origin, how.By)
	}
	signed, err := os.ReadFile(file + ".signed")
	if err != nil {
		t.Fatalf("realdns: sign %s: %v", origin, err)
	}
	key, err := os.ReadFile(filepath.Join(dir, ksk+".key"))
	if err != nil {
		t.Fatalf("realdns: sign %s: %v", origin, err)
	}
	var ds string
	if how.By == LDNS {
		ds = run("ldns-key2ds", "ldnsutils", "-n", "-2", ksk+".key")
	} else {
		ds = run("dnssec-dsfromkey", "bind9-utils", "-2", ksk+".key")
	}
	return SignedZone{Text: string(signed), DS: ds, Key: string(key)}
}

// ServeSigned adds a zone as a signer wrote it, or as somebody spoiled it afterwards: the text is the whole zone file.
func (s *Server) ServeSigned(origin, text string) {
	s.zones = append(s.zones, zone{origin: origin, text: text})
}

// ServeSigning adds a zone that a [Knot] signs by itself, with one key that it makes. The text is as for [Server.Serve];
// of how, By, From and Until are not looked at.
func (s *Server) ServeSigning(origin, text string, how Signing) {
	s.Serve(origin, text)
	s.zones[len(s.zones)-1].signing = &how
}

// knotPolicies gives the signing policies of the zones that a Knot signs, each under the zone's name.
func (s *Server) knotPolicies() string {
	on := func(b bool) string {
		if b {
			return "on"
		}
		return "off"
	}
	var b strings.Builder
	for _, z := range s.zones {
		h := z.signing
		if h == nil {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("policy:\n")
		}
		fmt.Fprintf(&b, "- id: %q\n  algorithm: %s\n  single-type-signing: on\n", z.origin, strings.ToLower(h.Algorithm))
		fmt.Fprintf(&b, "  nsec3: %s\n  nsec3-iterations: %d\n  nsec3-opt-out: %s\n  nsec3-salt-length: %d\n",
			on(h.NSEC3), h.Iterations, on(h.OptOut), len(h.Salt)/2)
	}
	return b.String()
}
