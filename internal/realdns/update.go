package realdns

import (
	"fmt"
	"strings"
)

// Key is a TSIG key as a server's configuration has it: the algorithm as "hmac-sha256", the secret in base64.
type Key struct{ Name, Algorithm, Secret string }

// AllowUpdates lets whoever has the key change all of the server's zones by RFC 2136, and transfer them. [BIND] and [Knot] can, and
// [PowerDNS] with an open interface.
func (s *Server) AllowUpdates(k Key) { s.key = &k }

// SignItself makes a [Knot] sign its zones, with keys of its own making.
func (s *Server) SignItself() { s.signs = true }

// knotKey is what stands between Knot's server section and the rest.
func (s *Server) knotKey() string {
	if s.key == nil {
		return ""
	}
	id := strings.TrimSuffix(s.key.Name, ".")
	return fmt.Sprintf(`
key:
- id: %q
  algorithm: %q
  secret: %q
acl:
- id: updates
  key: %q
  action: [update, transfer]`, id, s.key.Algorithm, s.key.Secret, id)
}

// knotRights is what a zone template says about changes. A zone that nobody changes is read from its file and kept nowhere else.
func (s *Server) knotRights() string {
	lines := []string{"journal-content: none", "zonefile-load: whole"}
	if s.key != nil {
		lines = []string{"journal-content: all", "zonefile-load: difference-no-serial", "acl: updates"}
	}
	if s.signs {
		lines = append(lines, "dnssec-signing: on")
	}
	return strings.Join(lines, "\n  ")
}
