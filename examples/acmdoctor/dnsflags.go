package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
)

// dnsFlags are the flags of every command that asks the DNS.
type dnsFlags struct {
	roots        string
	anchors      string
	anchorsText  string // what the file holds
	resolvers    []string
	nameservers  []string
	allowPrivate bool
	ipv4, ipv6   bool
	timeout      time.Duration
	concurrency  int
	port         uint16
}

func (f *dnsFlags) add(cmd *cobra.Command) {
	f.timeout = validate.DefaultTimeout
	fl := cmd.Flags()
	fl.StringVar(&f.roots, "roots", "", "root hints, a `FILE` in the format of named.root (default: IANA's, built in)")
	fl.StringVar(&f.anchors, "trust-anchors", "", "DNSSEC trust anchors, a `FILE` of DS or DNSKEY in zone-file format (default: IANA's, built in; with --roots none, and signatures are not validated)")
	fl.StringArrayVar(&f.resolvers, "resolver", nil, "a recursive resolver to compare with: `ADDR[:PORT]`, tls://[NAME@]ADDR, https://[NAME@]HOST/dns-query, own (this machine's) or none; repeatable (default: 1.1.1.1, 8.8.8.8, 9.9.9.9 and own; none with --roots)")
	fl.StringArrayVar(&f.nameservers, "nameserver", nil, "a name `SERVER`, by name or address, where you believe the record to be, or the provider by its id in docs/hosts.md: is the world sent there? Repeatable")
	fl.BoolVar(&f.allowPrivate, "allow-private", false, "also ask name servers on loopback, private and link-local addresses, which no public CA reaches")
	fl.BoolVar(&f.ipv4, "ipv4", false, "ask over IPv4 only")
	fl.BoolVar(&f.ipv6, "ipv6", false, "ask over IPv6 only")
	fl.Var((*seconds)(&f.timeout), "timeout", "for one record, all told; `D` is such as 10s")
	fl.IntVar(&f.concurrency, "concurrency", 0, "`N` records are checked at a time (default: chosen by the tool)")
	fl.Uint16Var(&f.port, "port", 53, "the `PORT` that name servers are asked on; for test beds")
}

// seconds is a duration that may be typed without a unit.
type seconds time.Duration

func (s *seconds) String() string { return time.Duration(*s).String() }
func (s *seconds) Type() string   { return "duration" }

func (s *seconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if n, nerr := strconv.ParseFloat(text, 64); nerr == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err != nil {
		return fmt.Errorf("found %q, expected a duration such as 10s", text)
	}
	if d <= 0 {
		return fmt.Errorf("found %q, expected more than nothing", text)
	}
	*s = seconds(d)
	return nil
}

// checker makes a Checker of the flags. What is set and has no effect yet is said, in warn.
func (f *dnsFlags) checker(warn func(string)) (*validate.Checker, error) {
	c := &validate.Checker{
		Resolver: &resolver.Client{AllowPrivate: f.allowPrivate}, Timeout: f.timeout, Port: f.port, Elsewhere: f.nameservers, Concurrency: f.concurrency,
	}
	switch {
	case f.ipv4 && f.ipv6:
		return nil, errors.New("--ipv4 and --ipv6 exclude each other; without either both are asked")
	case f.ipv4:
		c.Family = resolver.IPv4Only
	case f.ipv6:
		c.Family = resolver.IPv6Only
	}
	if f.concurrency < 0 {
		return nil, fmt.Errorf("--concurrency: found %d, expected a number above 0", f.concurrency)
	}
	if f.port == 0 {
		return nil, errors.New("--port: found 0, expected a number from 1 to 65535")
	}
	if f.roots != "" {
		file, err := os.Open(f.roots)
		if err != nil {
			return nil, ofFile("--roots", f.roots, err)
		}
		defer file.Close()
		if c.Roots, err = resolver.ParseHints(file); err != nil {
			return nil, ofFile("--roots", f.roots, err)
		}
	}
	if f.anchors != "" {
		var err error
		if c.Anchors, err = f.readAnchors(); err != nil {
			return nil, ofFile("--trust-anchors", f.anchors, err)
		}
	}
	if err := f.setWitnesses(c); err != nil {
		return nil, err
	}
	for _, n := range f.nameservers {
		if _, err := netip.ParseAddrPort(n); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(n); err == nil {
			continue
		}
		if _, err := resolver.ParseName(n); err != nil {
			return nil, fmt.Errorf("--nameserver: %w", err)
		}
	}
	return c, nil
}

// readAnchors reads the file of trust anchors. One that names no key that signatures can be validated with is refused: all
// would count as unsigned then.
func (f *dnsFlags) readAnchors() (dnssec.Anchors, error) {
	text, err := os.ReadFile(f.anchors)
	if err != nil {
		return dnssec.Anchors{}, err
	}
	f.anchorsText = string(text)
	return usableAnchors(f.anchorsText)
}

func usableAnchors(text string) (dnssec.Anchors, error) {
	anchors, err := dnssec.ParseAnchors(strings.NewReader(text))
	if err != nil {
		return anchors, err
	}
	v := dnssec.Validator{Anchors: anchors}
	var why []string
	for _, name := range anchors.Zones() {
		z := v.Root(resolver.Response{})
		if !name.IsRoot() {
			z = v.Child(dnssec.Zone{}, name, resolver.Response{}, resolver.Response{})
		}
		if z.Status != dnssec.Insecure { // only its keys are lacking, which are asked for in a check
			return anchors, nil
		}
		why = append(why, z.Why[0].String())
	}
	line := 1
	for l := range strings.Lines(text) {
		if l, _, _ = strings.Cut(l, ";"); strings.TrimSpace(l) != "" {
			break
		}
		line++
	}
	return anchors, fmt.Errorf("line %d: no anchor can be used: %s", line, strings.Join(why, "; "))
}
