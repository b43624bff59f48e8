package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrBadConfig: the text is not a configuration of the provider.
var ErrBadConfig = errors.New("not a configuration of this provider")

// DecodeConfig reads a libdns provider's own JSON configuration into the provider's value. A field that the provider does not
// have is an error, since it is a misspelt one. Errors wrap [ErrBadConfig] and hold no value from the text.
func DecodeConfig(config []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%q is to be a JSON %s: %w", wrong.Field, wrong.Type.Kind(), ErrBadConfig)
	case errors.As(err, &wrong):
		return fmt.Errorf("it is to be a JSON object: %w", ErrBadConfig)
	case errors.As(err, &syntax):
		return fmt.Errorf("it is not JSON from octet %d on: %w", syntax.Offset, ErrBadConfig)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it ends too soon for JSON: %w", ErrBadConfig)
	case err != nil: // an unknown field, which the package has no type for
		return fmt.Errorf("%s: %w", strings.TrimPrefix(err.Error(), "json: "), ErrBadConfig)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the JSON object: %w", ErrBadConfig)
	}
	return nil
}
