//go:build !unix

package audit

// lock does nothing where files cannot be locked by the standard library.
func (s *State) lock() (unlock func(), err error) { return func() {}, nil }

// syncFolder does nothing where folders cannot be synchronised.
func syncFolder(string) error { return nil }
