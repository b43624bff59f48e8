package main

import (
	"context"
	"os"

	"github.com/libdns/desec"
	"github.com/libdns/digitalocean"
	"github.com/libdns/gandi"
	"github.com/libdns/hetzner/v2"
	"github.com/libdns/ionos"
	"github.com/libdns/ovh"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/cloudflare"
	"github.com/acmdoctor/acmdoctor/providers/powerdns"
	"github.com/acmdoctor/acmdoctor/providers/rfc2136"
)

// realWorld is every provider that is built in, and the process's environment.
func realWorld() accountWorld {
	return accountWorld{env: os.Getenv, open: map[string]opener{
		"cloudflare":   opens(cloudflare.Open),
		"desec":        bundled("desec", func() providers.LibDNS { return &desec.Provider{} }),
		"digitalocean": bundled("digitalocean", func() providers.LibDNS { return &digitalocean.Provider{} }),
		"gandi":        bundled("gandi", func() providers.LibDNS { return &gandi.Provider{} }),
		"hetzner":      bundled("hetzner", func() providers.LibDNS { return &hetzner.Provider{} }),
		"ionos":        bundled("ionos", func() providers.LibDNS { return &ionos.Provider{} }),
		"powerdns":     opens(powerdns.Open),
		"rfc2136":      opens(rfc2136.Open),
		"route53":      openRoute53,
		"ovh":          bundled("ovh", func() providers.LibDNS { return &ovh.Provider{} }),
	}}
}

// opens makes an opener of an adapter's own.
func opens[C providers.Client](open func([]byte) (C, error)) opener {
	return func(_ context.Context, _ *accountFlags, config []byte) (providers.Client, error) {
		c, err := open(config)
		if err != nil {
			return nil, err // and not a C in it, which would be no nil
		}
		return c, nil
	}
}

// bundled opens a libdns provider with what is known about it.
func bundled(name string, empty func() providers.LibDNS) opener {
	return func(_ context.Context, _ *accountFlags, config []byte) (providers.Client, error) {
		p := empty()
		profile, _ := providers.ProfileOf(name)
		quirks, err := profile.Configure(config, p)
		if err != nil {
			return nil, err
		}
		return providers.FromLibdns(p, quirks), nil
	}
}
