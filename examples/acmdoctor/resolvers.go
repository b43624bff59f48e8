package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// The recursive resolvers that are compared with where nobody names others: three public ones of different operators.
var (
	publicResolvers  = []string{"1.1.1.1", "8.8.8.8", "9.9.9.9"}
	publicResolvers6 = []string{"2606:4700:4700::1111", "2001:4860:4860::8888", "2620:fe::fe"}
)

// The words of --resolver that are no address.
const (
	noResolver  = "none"
	ownResolver = "own"
)

// resolvConf is where a Unix machine says which resolver it asks. Elsewhere there is no such file, and no own resolver is
// compared with.
const resolvConf = "/etc/resolv.conf"

// setWitnesses gives the checker its witnesses. With roots of one's own nobody is asked by default: public resolvers know
// another internet.
func (f *dnsFlags) setWitnesses(c *validate.Checker) error {
	switch {
	case len(f.resolvers) > 0:
	case f.roots != "":
		return nil
	case c.Family == resolver.IPv6Only:
		f.resolvers = append(publicResolvers6, ownResolver)
	default:
		f.resolvers = append(publicResolvers, ownResolver)
	}
	for _, text := range f.resolvers {
		switch strings.ToLower(text) {
		case noResolver:
			if len(f.resolvers) > 1 {
				return errors.New("--resolver none excludes other resolvers")
			}
		case ownResolver:
			c.Own = readOwnResolver(c.Family)
		default:
			r, err := resolver.ParseRecursor(text)
			if err != nil {
				words := ""
				if !strings.Contains(text, "://") {
					words = ", or own or none"
				}
				return fmt.Errorf("--resolver %s%s", strings.TrimPrefix(err.Error(), "resolver: "), words)
			}
			c.Witnesses = append(c.Witnesses, r)
		}
	}
	return nil
}

func readOwnResolver(family resolver.Family) resolver.Recursor {
	file, err := os.Open(resolvConf)
	if err != nil {
		return resolver.Recursor{} // not every system has one, and it is only a witness
	}
	defer file.Close()
	return firstNameserver(file, family)
}

// firstNameserver gives the resolver that resolv.conf(5) names first, of the wanted family; the zero value where there is
// none.
func firstNameserver(r io.Reader, family resolver.Family) resolver.Recursor {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if at, err := resolver.ParseRecursor(f[1]); err == nil && at.Transport() == resolver.UDP && family.Has(at.AddrPort().Addr()) {
			return at
		}
	}
	return resolver.Recursor{}
}
