package main

import (
	"context"
	"net"
	"time"

	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// silence is how long a simulated server may take before it counts as silent. Its answers come at once or never.
const silence = 50 * time.Millisecond

// dialSimulated gives the Dial of a [resolver.Client] whose packets stay in memory. Nobody has to wait seconds for a server of
// a simulated internet that will not answer.
func dialSimulated(in *resolvertest.Internet) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := in.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return impatientConn{c}, nil
	}
}

type impatientConn struct{ net.Conn }

func (c impatientConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}
