//go:build unix

package audit

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock keeps other runs from the state until the returned function is called, or the process ends.
func (s *State) lock() (unlock func(), err error) {
	path := s.Path + ".lock"
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("audit: write the state: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s is locked; wait for that run, or end it", ErrStateBusy, path), file.Close())
	}
	held, herr := file.Stat()
	named, nerr := os.Stat(path)
	if herr != nil || nerr != nil || !os.SameFile(held, named) { // the run that held it has just removed it
		return nil, errors.Join(fmt.Errorf("%w: %s was locked; begin once more", ErrStateBusy, path), file.Close())
	}
	return func() {
		_ = os.Remove(path) // while it is still locked: who comes after makes another
		_ = file.Close()
	}, nil
}

// syncFolder makes a rename or a removal last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
