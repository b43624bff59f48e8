package providers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
)

func TestSecretNeverShows(t *testing.T) {
	s := providers.Secret("hunter2")
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "s", s)
	j, err := json.Marshal(map[string]any{"s": s, "in": struct{ S providers.Secret }{s}})
	require.NoError(t, err)
	for _, text := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %X %d", s, s, s, s, s, s, s, s), fmt.Sprintf("%+v", struct{ S providers.Secret }{s}),
		logged.String(), string(j), s.GoString(), s.String(),
	} {
		require.NotContains(t, text, "hunter2")
		require.NotContains(t, text, "68756e74657232")
		require.Contains(t, text, "[redacted]")
	}
	var back providers.Secret
	require.NoError(t, json.Unmarshal([]byte(`"hunter2"`), &back))
	require.Equal(t, "hunter2", string(back))
}

func TestRedactKeepsWhatCanBeActedOn(t *testing.T) {
	inner := errors.New("token hunter2 refused")
	err := providers.Redact(fmt.Errorf("%w: %w", providers.ErrPermission, errors.Join(inner, context.Canceled)), "hunter2", "")
	require.ErrorIs(t, err, providers.ErrPermission)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, inner, "it could print the secret")
	require.NotErrorIs(t, err, providers.ErrConflict)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2")
	require.NoError(t, providers.Redact(nil, "hunter2"))
}
