package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const apiKeys = "/v1/api-keys"

type apiKey struct {
	ID             string
	OrganizationID string
	Name           string
	Description    string
	Scope          string
	KeyPrefix      string
	CreatedBy      string
	CreatedAt      time.Time
	ExpiresAt      time.Time
	RevokedAt      time.Time
	LastUsedAt     time.Time
	Key            string
}

func (c *client) makeKey(t *testing.T, fields map[string]any) apiKey {
	t.Helper()
	return data[apiKey](t, c.post(t, apiKeys, toJSON(t, fields)))
}

func (c *client) listKeys(t *testing.T) []apiKey {
	t.Helper()
	return data[page[apiKey]](t, c.get(t, apiKeys)).Items
}

func (c *client) revoke(t *testing.T, id string) reply {
	t.Helper()
	return c.call(t, request{method: http.MethodDelete, path: apiKeys + "/" + id})
}

func TestKeyLifeFromCreationToRevocation(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		owner := s.organization(t)
		made := owner.makeKey(t, map[string]any{"name": "nightly", "description": "build", "scope": "read-write"})
		assert.Equal(t, owner.organization, made.OrganizationID)
		assert.True(t, strings.HasPrefix(made.Key, made.KeyPrefix))

		nightly := s.client(owner.organization, made.Key)
		_, url := answering(t, status(200))
		nightly.endpoint(t, url, 0)
		nightly.awaitStatus(t, nightly.publish(t).ID, success)

		eventually(t, "its use is on record", func() bool {
			return !data[apiKey](t, owner.get(t, apiKeys+"/"+made.ID)).LastUsedAt.IsZero()
		})
		list := owner.get(t, apiKeys)
		assert.NotContains(t, string(list.body), made.Key, "the raw key was shown once")
		names := []string{}
		for _, key := range data[page[apiKey]](t, list).Items {
			names = append(names, key.Name)
		}
		assert.Equal(t, []string{"nightly", "test"}, names, "newest first")

		revoked := data[apiKey](t, owner.revoke(t, made.ID))
		assert.False(t, revoked.RevokedAt.IsZero())
		nightly.get(t, base).refused(t, 401, "unauthenticated") // at once, because the same process revoked it
		assert.Equal(t, revoked.RevokedAt, data[apiKey](t, owner.revoke(t, made.ID)).RevokedAt)
		assert.Equal(t, revoked.RevokedAt, owner.listKeys(t)[0].RevokedAt, "it stays on record")

		stranger := s.organization(t)
		stranger.get(t, apiKeys+"/"+made.ID).refused(t, 404, "api_key_not_found")
		stranger.revoke(t, owner.listKeys(t)[1].ID).refused(t, 404, "api_key_not_found")
		assert.Equal(t, http.StatusOK, owner.get(t, base).status)
	})
}

func TestKeyCannotCreateAStrongerKey(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		owner := s.organization(t)
		reader := s.client(owner.organization, owner.makeKey(t, map[string]any{"name": "reader"}).Key)
		assert.Len(t, reader.listKeys(t), 2)
		reader.post(t, apiKeys, `{"name":"n"}`).refused(t, 403, "read_only_key")
		reader.revoke(t, owner.listKeys(t)[0].ID).refused(t, 403, "read_only_key")

		ends := time.Now().UTC().Add(time.Hour).Truncate(time.Second)
		brief := s.client(owner.organization, owner.makeKey(t, map[string]any{"name": "brief", "scope": "read-write", "expiresAt": ends}).Key)
		brief.post(t, apiKeys, `{"name":"n"}`).refused(t, 400, "outlives_its_maker")
		brief.post(t, apiKeys, toJSON(t, map[string]any{"name": "n", "expiresAt": ends.Add(time.Second)})).refused(t, 400, "outlives_its_maker")
		assert.Equal(t, ends, brief.makeKey(t, map[string]any{"name": "n", "expiresAt": ends}).ExpiresAt)
		owner.post(t, apiKeys, `{"name":"n","expiresAt":"2001-01-01T00:00:00Z"}`).refused(t, 400, "out_of_range")

		// A key is refused after it expires.
		var short apiKey
		for ahead := 2 * time.Second; short.Key == ""; ahead *= 2 { // a request of a busy machine may take longer
			answer := owner.post(t, apiKeys, toJSON(t, map[string]any{"name": "short", "expiresAt": time.Now().UTC().Add(ahead)}))
			if answer.status == http.StatusOK || ahead > patience/2 {
				short = data[apiKey](t, answer)
			}
		}
		eventually(t, "it has expired", func() bool {
			return s.client(owner.organization, short.Key).get(t, base).status == http.StatusUnauthorized
		})
		assert.False(t, time.Now().Before(short.ExpiresAt))
	})
}

func TestKeyLastWriterCannotBeRevoked(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		owner := s.organization(t)
		first := owner.listKeys(t)[0]
		owner.makeKey(t, map[string]any{"name": "reader"})
		owner.revoke(t, first.ID).refused(t, 400, "last_read_write_key")

		second := owner.makeKey(t, map[string]any{"name": "second", "scope": "read-write"})
		ids := []string{first.ID, second.ID}
		clients := []*client{owner, s.client(owner.organization, second.Key)}
		replies := make(chan reply, len(ids))
		for i := range ids { // each revokes itself
			go func() {
				answer, err := clients[i].try(request{method: http.MethodDelete, path: apiKeys + "/" + ids[i]})
				assert.NoError(t, err)
				replies <- answer
			}()
		}
		statuses := []int{(<-replies).status, (<-replies).status}
		assert.ElementsMatch(t, []int{200, 400}, statuses)
		valid := 0
		for _, c := range clients {
			if c.get(t, base).status == http.StatusOK {
				valid++
			}
		}
		require.Equal(t, 1, valid)
	})
}
