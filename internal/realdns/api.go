package realdns

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
)

// API is a PowerDNS's HTTP interface.
type API struct{ URL, Token string }

// OpenAPI makes a [PowerDNS] keep its zones in a database and open its HTTP interface at a free port of its address. The test is
// skipped where the database's programs are missing.
func (n *Internet) OpenAPI(s *Server, token string) API {
	n.t.Helper()
	RequireProgram(n.t, "sqlite3", "sqlite3")
	if _, err := os.Stat(databaseSchema); err != nil {
		RequireProgram(n.t, "pdns-backend-sqlite3", "pdns-backend-sqlite3")
	}
	s.api = &API{fmt.Sprintf("http://%s", netip.AddrPortFrom(s.Addr, freeHighPort(s.Addr))), token}
	return *s.api
}

const databaseSchema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// databaseConfig is what pdns_server and pdnsutil read. Answers are not kept, so that a change is served at once.
func (s *Server) databaseConfig() (files map[string]string, args []string) {
	web := netip.MustParseAddrPort(s.api.URL[len("http://"):])
	return map[string]string{"pdns.conf": fmt.Sprintf(`launch=gsqlite3
gsqlite3-database=%s
socket-dir=%s
daemon=no
guardian=no
local-address=%s
local-port=%d
api=yes
api-key=%s
webserver=yes
webserver-address=%s
webserver-port=%d
webserver-allow-from=127.0.0.0/8
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
receiver-threads=1
distributor-threads=1
security-poll-suffix=
disable-syslog=yes
write-pid=no
dnsupdate=%s
allow-dnsupdate-from=127.0.0.0/8
`, filepath.Join(s.dir, "db"), s.dir, s.Addr, s.port, s.api.Token, web.Addr(), web.Port(), yesNo(s.key != nil))}, []string{"--config-dir=" + s.dir}
}

// loadDatabase makes the database and loads the zones into it.
func (s *Server) loadDatabase() error {
	schema, err := os.ReadFile(databaseSchema)
	if err != nil {
		return err
	}
	make := exec.Command("sqlite3", filepath.Join(s.dir, "db"))
	make.Stdin = bytes.NewReader(schema)
	if out, err := make.CombinedOutput(); err != nil {
		return fmt.Errorf("make the database: %w: %s", err, out)
	}
	util := func(args ...string) error {
		c := exec.Command("pdnsutil", append([]string{"--config-dir=" + s.dir}, args...)...)
		c.Dir = s.dir
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("pdnsutil %s: %w: %s", args[0], err, out)
		}
		return nil
	}
	if s.key != nil {
		if err := util("import-tsig-key", s.key.Name, s.key.Algorithm, s.key.Secret); err != nil {
			return err
		}
	}
	for _, z := range s.zones {
		if err := util("load-zone", z.origin, z.zoneFile()); err != nil {
			return err
		}
		if s.key == nil {
			continue
		}
		for _, right := range []string{"TSIG-ALLOW-DNSUPDATE", "TSIG-ALLOW-AXFR"} {
			if err := util("set-meta", z.origin, right, s.key.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
