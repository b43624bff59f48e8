package main

import (
	"fmt"

	"github.com/acmdoctor/acmdoctor/providers/rfc2136"
)

// readTSIGKey reads a file with one key into the fields of rfc2136's configuration.
func readTSIGKey(text string) (map[string]string, error) {
	keys, err := rfc2136.ParseKeys(text)
	switch {
	case err != nil:
		return nil, err
	case len(keys) > 1:
		return nil, fmt.Errorf("it holds %d keys, and which one is meant is not said: %w", len(keys), errNoCredentials)
	}
	k := keys[0]
	return map[string]string{"key_name": k.Name, "key_alg": k.Algorithm, "key": string(k.Secret)}, nil
}
