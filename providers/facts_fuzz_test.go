package providers_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
)

// FuzzFacts: what is read as facts is written as the same facts.
func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"provider":"x","record":{"name":"_a.example.com.","value":"_b.acm-validations.aws.","domains":[]},"zones":[{"zone":"example.com.","zone_id":"Z1","name_servers":["ns."],"networks":[],"at":[{"name":"_a.example.com.","type":"CNAME","ttl":1,"values":["x."]}],"cuts":[],"elsewhere":[]}],"missing":["y"]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var facts, again providers.Facts
		if json.Unmarshal(b, &facts) != nil {
			return
		}
		text, err := json.Marshal(facts)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &again), string(text))
		second, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(second))
	})
}
