// Package providertest holds what adapters and the engine of package providers are tested with: [Memory], a strict provider in
// memory with faults; [MemoryLibdns], a libdns provider with the bad habits that real ones have; [Tap], which breaks the calls
// of any Client; and [TestClient], a conformance suite that any adapter can run.
package providertest
