package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// A complete run leaves no secret in any answer except the three that show one, and
// no secret in the log.
func TestSecretsAppearInNoOtherAnswerOrLog(t *testing.T) {
	redis, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = redis.Close() })
	password := unguessable()
	s := newService(t, func(d *Dependencies) { d.Redis, d.Queues = redis, QueuesOptions{Password: password} }).withKeys(t)

	endpointID, first := s.endpoint(t, s.writer)
	regenerated := s.call(t, "POST", base+"/"+endpointID+"/regenerate-secret", s.writer, "")
	second := granted(t, regenerated)["signingSecret"].(string)
	require.NotEqual(t, first, second)
	assert.Equal(t, "no-store", regenerated.header.Get("Cache-Control"))
	assert.NotContains(t, string(regenerated.body), first, "the old one is not shown again")
	own := s.resources(t)
	ofHeader, ofLost := unguessable(), unguessable()
	granted(t, s.call(t, "POST", base, s.writer, `{"name":"n","url":"https://hooks.example.com/","headers":{"Authorization":"`+ofHeader+`"}}`))
	lost := s.call(t, "POST", base, s.writer, `{"name":"n","url":"https://hooks.example.com/","signingSecret":"`+ofLost+`","headers":{"X":"`+ofLost+`\n","Host":"`+ofLost+`"}}`)
	require.Equal(t, 400, lost.status)
	assert.NotContains(t, string(lost.body), ofLost)
	created := s.call(t, "POST", keys, s.writer, `{"name":"n"}`)
	key := granted(t, created)["key"].(string)
	require.Equal(t, 1, strings.Count(string(created.body), key), "it is shown in one place")

	_, strange := webhook.NewAPIKey(webhook.APIKeySpec{}, webhook.Now())
	query, inPath, inBody, guess := unguessable(), unguessable(), unguessable(), unguessable()
	secrets := map[string]string{
		"the read key": s.reader, "a key that was made": key, "the write key": s.writer, "an unknown key": strange.Reveal(), "the first signing secret": first,
		"the second signing secret": second, "the operator's password": password, "a wrong password": guess, "the query": query, "the path": inPath,
		"the body": inBody, "a header's value": ofHeader, "what was refused": ofLost,
	}

	var answers []answer
	for _, r := range protected(t) {
		if strings.HasSuffix(r.path, "/regenerate-secret") || r.method == http.MethodPost && (r.path == base || r.path == keys) {
			continue // these answers show a secret and were checked
		}
		for _, key := range []string{s.writer, s.reader, strange.Reveal(), "", s.writer + "x", "x " + s.writer} {
			answers = append(answers,
				s.call(t, r.method, r.of(own)+"?key="+query, key, r.body()),
				s.call(t, r.method, strings.ReplaceAll(r.path, ":id", inPath), key, `{"`+inBody+`"`),
				s.call(t, r.method, r.of(own), key, "{}", header("X-Request-Id", "it is "+s.writer), header("Content-Type", inBody)),
			)
		}
	}
	for _, credentials := range [][2]string{{"operator", password}, {"operator", guess}, {guess, password}} {
		answers = append(answers, s.call(t, "GET", "/queues/api/queues?q="+query, "", "", func(r *http.Request) { r.SetBasicAuth(credentials[0], credentials[1]) }))
	}
	answers = append(answers, s.call(t, "GET", "/"+inPath, s.writer, ""), s.call(t, "GET", "/?"+query, "", ""))

	// The errors of a database are logged, so that the database fails too.
	require.NoError(t, s.store.Close())
	for _, r := range protected(t) {
		answers = append(answers, s.call(t, r.method, r.of(own)+"?key="+query, s.writer, r.body()))
	}

	s.lines(t)
	for name, secret := range secrets {
		for _, a := range answers {
			assert.NotContains(t, string(a.body), secret, name)
			for _, values := range a.header {
				assert.NotContains(t, strings.Join(values, "\n"), secret, name)
			}
		}
		assert.NotContains(t, s.log.String(), secret, name)
		assert.NotContains(t, s.log.String(), strings.TrimPrefix(secret, "whsec_"), name)
	}
	assert.Contains(t, s.log.String(), `"status":200`)
	assert.Contains(t, s.log.String(), `"status":401`)
}
