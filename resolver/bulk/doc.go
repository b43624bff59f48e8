// Package bulk asks very many questions cheaply: over a fixed set of sockets, many packets in one system call, with answers
// read where they lie, and with manners: no name server and no network gets more questions at a time than it answers well.
//
// It is what a check of a million records stands on; who checks a few needs only a resolver.Client. [Pool] is a
// resolver.Resolver too, which then gives whole responses and asks over TCP where UDP will not do.
//
//	var p bulk.Pool // the zero value works
//	defer p.Close()
//	p.Send(&bulk.Ask{Server: server, Name: name, Type: resolver.TypeCNAME, Done: func(out *bulk.Outbox, m *bulk.Message, err error) {
//		// m is only valid here; out.Send asks on, with the other questions of this batch
//	}})
//
// A server that left several questions in a row unanswered is not asked again for a while: it counts as silent. Source
// ports change from batch to batch and sockets are renewed in turn (RFC 5452, 9.2).
package bulk
