package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/local"
)

// laptop starts what `make run` runs.
func laptop(t *testing.T, seeded bool) (l *local.Local, folder string) {
	t.Helper()
	folder = t.TempDir()
	l, err := local.New(t.Context(), local.Options{Dir: folder, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop(context.Background())) })
	require.NoError(t, l.Start(t.Context()))
	if seeded {
		_, err = l.Seed(t.Context())
		require.NoError(t, err)
	}
	return l, folder
}

// onALaptop is another Redrive, as make run starts it.
type onALaptop struct{ url, key string }

func (l onALaptop) URL() string { return l.url }

func (l onALaptop) Key() string { return l.key }

func laptopCustomer(t *testing.T) *customer {
	t.Helper()
	l, folder := laptop(t, false)
	return newCustomer(t, &customer{
		redrive:      &redrive{running: onALaptop{l.Addresses().API, secretIn(t, folder, "api-key")}},
		organization: local.Organization, platform: secretIn(t, folder, "platform-key"),
	})
}

// secretIn returns the secret in a file.
func secretIn(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

// A developer opens the address that make run prints, sees the failed delivery, heals the receiver, retries, publishes, and copies a
// command.
func TestConsoleDeveloperOnALaptop(t *testing.T) {
	t.Parallel()
	l, folder := laptop(t, true)
	var printed bytes.Buffer
	require.NoError(t, l.Welcome(t.Context(), &printed))
	address := l.Addresses().API + "/console"
	require.Contains(t, printed.String(), address)

	b := open(t)
	b.visit(address, 1280)
	b.at("/console/o/org_local/overview")
	b.press(evaluate[string](b, `document.querySelector("main a[href*='/deliveries/dlv_']").innerText`))
	b.shows("main h1", "Failure")
	response, err := http.Post(l.Addresses().Receiver+"/heal", "", nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	b.press("Retry")
	b.shows("main h1", "Success")

	b.press("As curl")
	b.shows("main", "/explain")
	command := evaluate[string](b, `[...document.querySelectorAll("#commands pre")].find((e) => e.textContent.includes("/explain")).textContent`)
	assert.Equal(t, "delivered", run(t, folder, command).Code)

	b.press("Events")
	b.press("Publish a test event")
	b.write("Event type", "run.finished")
	b.write("Data", `{"from": "the console", "price": 1.10}`)
	b.press("Publish")
	b.at("/events/evt_")
	b.shows("main", "1.10")
	b.shows("main", "Success")
}

// run executes a command as a shell does, with the key in KEY, and returns the explanation that it prints.
func run(t *testing.T, folder, command string) (data struct{ Code string }) {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "sh", "-c", command)
	shell.Env = append(os.Environ(), "KEY="+secretIn(t, folder, "api-key"))
	output, err := shell.Output()
	require.NoError(t, err, command)
	require.NoError(t, json.Unmarshal(output, &struct{ Data any }{&data}), "%s: %s", command, output)
	return data
}

// A page of another site can make a browser send requests to the laptop. They are refused.
func TestConsoleOnALaptopRefusesOtherSites(t *testing.T) {
	t.Parallel()
	l, _ := laptop(t, false)
	for name, c := range map[string]struct {
		method, host, origin string
		status               int
	}{
		"own page":       {http.MethodGet, "", "", http.StatusOK},
		"foreign name":   {http.MethodGet, "evil.example", "", http.StatusMisdirectedRequest},
		"foreign origin": {http.MethodPost, "", "http://evil.example", http.StatusForbidden},
	} {
		path := "/console/o/org_local/overview"
		if c.method == http.MethodPost {
			path = "/console/o/org_local/keys/new"
		}
		request, err := http.NewRequestWithContext(t.Context(), c.method, l.Addresses().API+path, nil)
		require.NoError(t, err)
		if c.host != "" {
			request.Host = c.host
		}
		if c.origin != "" {
			request.Header.Set("Origin", c.origin)
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, c.status, response.StatusCode, name)
	}
}
