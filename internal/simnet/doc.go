// Package simnet is a simulated internet for benchmarks: a root, top-level domains, DNS hosts and up to millions of domains
// that are made up on demand, behind one real UDP socket on loopback addresses.
//
// What a domain is follows from its number alone, so that nothing is kept for it and the right verdict is known without
// asking: [World.Record], [World.Kind] and [World.Valid] say what a check must find. A share of the domains is signed, a
// share broken, a share of the servers silent; packets take a while and get lost as [World] says. Root and top-level domains
// are signed with NSEC3 and opt-out, as most real ones are.
//
// A domain is served by two servers of one DNS host; its name servers lie under another top-level domain, as most do, so
// that the addresses of hosts are what a cache is for.
package simnet
