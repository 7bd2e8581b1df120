package runbook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	headingBackup  = "Backup"
	headingRestore = "Restoring"
	headingMajor   = "A new major version of PostgreSQL"
	// safetyLimit bounds the wait for an event in a test. No verdict depends on it.
	safetyLimit = 2 * time.Minute
)

// receiver counts the webhooks that arrive, by delivery.
func receiver(t *testing.T) (url string, arrived chan string) {
	t.Helper()
	arrived = make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.Header.Get("Webhook-Id")
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	return server.URL, arrived
}

// call calls the API and decodes the data of the answer.
func (m *machine) call(t *testing.T, method, path, body string, data any) (status int) {
	t.Helper()
	request, err := http.NewRequest(method, m.services.URL()+"/v1/execution-webhooks"+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+m.services.Key())
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if data != nil {
		require.Equal(t, http.StatusOK, response.StatusCode, string(text))
		require.NoError(t, json.Unmarshal(text, &struct{ Data any }{data}))
	}
	return response.StatusCode
}

// publish publishes an event and returns its one delivery.
func (m *machine) publish(t *testing.T) (delivery string) {
	t.Helper()
	var published struct{ Deliveries []struct{ ID string } }
	m.call(t, http.MethodPost, "/events", `{"eventType": "run.finished", "data": {}}`, &published)
	require.Len(t, published.Deliveries, 1)
	return published.Deliveries[0].ID
}

func (m *machine) status(t *testing.T, delivery string) string {
	t.Helper()
	var found struct{ Status string }
	m.call(t, http.MethodGet, "/deliveries/"+delivery, "", &found)
	return found.Status
}

func next(t *testing.T, arrived <-chan string) string {
	t.Helper()
	select {
	case delivery := <-arrived:
		return delivery
	case <-time.After(safetyLimit):
		require.FailNow(t, "no webhook has arrived")
		return ""
	}
}

// drill takes a backup and restores it. A delivery that was waiting is sent, and a delivery that was published after the backup does not
// exist.
func drill(t *testing.T, m *machine, backUp, restore func() (database string)) {
	t.Helper()
	url, arrived := receiver(t)
	m.call(t, http.MethodPost, "", `{"name": "drill", "url": "`+url+`"}`, &struct{}{})
	ended := m.publish(t)
	require.Equal(t, ended, next(t, arrived))
	require.Eventually(t, func() bool { return m.status(t, ended) == "success" }, safetyLimit, 10*time.Millisecond)
	for _, dispatcher := range m.services.Dispatchers() {
		require.NoError(t, dispatcher.Stop())
	}
	waiting := m.publish(t)
	backUp()
	lost := m.publish(t)
	require.NoError(t, m.services.API().Stop())

	m.start(t, restore())
	assert.Equal(t, waiting, next(t, arrived), "its secret can be read, and the empty queue is filled")
	require.Eventually(t, func() bool { return m.status(t, waiting) == "success" }, safetyLimit, 10*time.Millisecond)
	assert.Equal(t, "success", m.status(t, ended))
	assert.Equal(t, http.StatusNotFound, m.call(t, http.MethodGet, "/deliveries/"+lost, "", nil))
	after := m.publish(t)
	assert.Equal(t, after, next(t, arrived), "everything works as before")
}

func TestBackupIsRestoredByTheServicesCommands(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	drill(t, m, func() string { return m.run(t, under(t, headingBackup)[0]) }, func() string {
		restored := strings.Replace(m.database, "/redrive?", "/redrive_restored?", 1)
		m.run(t, under(t, headingRestore)[0], "RESTORED_URL="+restored)
		return restored
	})
}

func TestBackupIsRestoredByTheContainersCommands(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	drill(t, m, func() string { return m.run(t, under(t, headingBackup)[1]) }, func() string {
		m.run(t, under(t, headingRestore)[1])
		assert.Equal(t, []string{"docker compose stop proxy api-service dispatcher-service", "make up"}, m.called(t))
		return m.database
	})
}

// The new server of the guide is an empty database on the same server here.
func TestDataMovesToANewMajorVersion(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	blocks := under(t, headingMajor)
	require.Len(t, blocks, 2)
	drill(t, m, func() string { return m.run(t, blocks[0]) }, func() string {
		assert.Equal(t, []string{"docker compose stop proxy api-service dispatcher-service", "docker compose down", "docker volume rm redrive_postgres"}, m.called(t))
		m.run(t, `dropdb --username=redrive --maintenance-db=postgres redrive
			createdb --username=redrive --maintenance-db=postgres --template=template0 redrive
			redis-cli FLUSHALL`)
		m.run(t, blocks[1])
		assert.Equal(t, []string{"docker compose up --detach --wait postgres", "make up"}, m.called(t))
		return m.database
	})
}
