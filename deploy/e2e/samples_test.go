package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// The samples of the API reference are run with IDs in the place of their placeholders.

func TestSamplesCurl(t *testing.T) {
	onFirstStack(t, runSamples("curl", []string{"curl", "--version"}, interpreted("sh")))
}

func TestSamplesJavaScript(t *testing.T) {
	onFirstStack(t, runSamples("JavaScript", []string{"node", "-e", "fetch"}, interpreted("node", "--input-type=module", "-")))
}

func TestSamplesPython(t *testing.T) {
	onFirstStack(t, runSamples("Python", []string{"python3", "--version"}, interpreted("python3", "-")))
}

func TestSamplesGo(t *testing.T) {
	onFirstStack(t, runSamples("Go", []string{"go", "version"}, compiled))
}

// sample is a sample of an operation and the client whose key it uses.
type sample struct{ operation, key, source string }

// prepare makes samples ready to run, and returns the command of each.
type prepare func(t *testing.T, list []sample) func(context.Context, sample) *exec.Cmd

func runSamples(label string, needs []string, ready prepare) func(*testing.T, *suite) {
	return func(t *testing.T, s *suite) {
		if said, err := exec.Command(needs[0], needs[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s cannot be run here: %v %s", label, err, said)
		}
		list := samplesOf(t, s, label)
		require.NotEmpty(t, list)
		command := ready(t, list)
		for _, one := range list {
			ctx, cancel := context.WithTimeout(context.Background(), patience) // for each: together they take as long as the machine needs
			cmd := command(ctx, one)
			cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "REDRIVE_URL="+s.stack.URL(), "REDRIVE_API_KEY="+one.key)
			var said, complained bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &complained
			err := cmd.Run()
			cancel()
			require.NoError(t, err, "%s: %s%s\n%s", one.operation, said.String(), complained.String(), one.source)
			switch one.operation {
			case "getOpenApiYaml":
				assert.Contains(t, said.String(), "openapi: 3")
			case "getOpenApiJson":
				assert.Contains(t, said.String(), `"openapi":"3`)
			default:
				var frame struct{ Code int }
				require.NoError(t, json.Unmarshal(said.Bytes(), &frame), said.String())
				assert.Equal(t, 200, frame.Code, one.operation)
			}
		}
	}
}

// samplesOf creates resources for each sample, because one sample may disable an endpoint that the next would use.
func samplesOf(t *testing.T, s *suite, label string) []sample {
	t.Helper()
	var mutex sync.Mutex
	var list []sample
	var group sync.WaitGroup
	for path, item := range s.contract.document.Paths.Map() {
		for _, operation := range item.Operations() {
			if _, single := s.stack.(stack.Single); single && operation.Tags[0] == "console-sessions" {
				continue // local mode has no PUBLIC_URL, so that it has no links
			}
			var written []struct{ Label, Source string }
			require.NoError(t, json.Unmarshal([]byte(toJSON(t, operation.Extensions["x-codeSamples"])), &written), path)
			i := slices.IndexFunc(written, func(w struct{ Label, Source string }) bool { return w.Label == label })
			require.GreaterOrEqual(t, i, 0, "%s has no sample in %s", operation.OperationID, label)
			c := s.organization(t)
			platform := s.client(c.organization, s.stack.NewKey(t, "", stack.Platform))
			_, url := answering(t, status(500))
			group.Go(func() {
				replaced := withIDs(t, c, platform, url, operation.OperationID).Replace(written[i].Source)
				key := c.key
				if slices.Contains([]string{"organizations", "event-types"}, operation.Tags[0]) {
					key = platform.key
				}
				mutex.Lock()
				defer mutex.Unlock()
				list = append(list, sample{operation.OperationID, key, replaced})
			})
		}
	}
	group.Wait()
	slices.SortFunc(list, func(a, b sample) int { return strings.Compare(a.operation, b.operation) })
	return list
}

// withIDs replaces the placeholders and the examples by what the organization has. The event type is put into the catalogue. The
// delivery has failed, or waits.
func withIDs(t *testing.T, c, platform *client, url, operation string) *strings.Replacer {
	t.Helper()
	registered := c.endpoint(t, url, 0)
	failed := c.failed(t)
	id := failed.ID
	if operation == "cancelDelivery" || operation == "cancelBulkJob" {
		c.pause(t, registered.ID)
		id = c.publish(t).ID
	}
	job := ""
	if strings.HasSuffix(operation, "BulkJob") {
		job = c.bulkJob(t, operation == "cancelBulkJob")
	}
	session := ""
	if strings.HasSuffix(operation, "ConsoleSession") {
		session = c.consoleSession(t)
	}
	spare := data[apiKey](t, c.post(t, "/v1/api-keys", `{"name":"spare"}`))
	eventType := "sample." + c.organization
	put := platform.call(t, request{method: http.MethodPut, path: "/v1/event-types/" + eventType, body: "{}"})
	require.Equal(t, http.StatusOK, put.status, "%s", put.body)
	return strings.NewReplacer(
		"/v1/organizations/acme", "/v1/organizations/"+c.organization,
		"confirm=acme", "confirm="+c.organization,
		"/v1/event-types/run.finished", "/v1/event-types/"+eventType,
		"DELIVERY_ID", id,
		"EVENT_ID", eventOf(failed),
		"ENDPOINT_ID", registered.ID,
		"API_KEY_ID", spare.ID,
		"BULK_JOB_ID", job,
		"CONSOLE_SESSION_ID", session,
		"/console/o/acme/", "/console/o/"+c.organization+"/",
		"https://hooks.example.com/redrive", url,
	)
}

// consoleSession creates a link to the console and returns the ID of its session.
func (c *client) consoleSession(t *testing.T) string {
	t.Helper()
	return data[struct{ ID string }](t, c.post(t, consoles, "{}")).ID
}

// bulkJob creates a bulk job and returns its ID. A long one runs for minutes, since it takes one delivery in a second.
func (c *client) bulkJob(t *testing.T, long bool) string {
	t.Helper()
	events := 1
	if long {
		events = 500
	}
	batch := strings.Repeat(`{"eventType":"run.finished","data":{}},`, events)
	c.post(t, base+"/events/batch", `{"events":[`+strings.TrimSuffix(batch, ",")+`]}`)
	return data[struct{ ID string }](t, c.post(t, base+"/bulk-jobs", `{"action":"cancel","filter":{"status":"pending,retrying"},"perSecond":1}`)).ID
}

// interpreted runs the sample with an interpreter.
func interpreted(program ...string) prepare {
	return func(*testing.T, []sample) func(context.Context, sample) *exec.Cmd {
		return func(ctx context.Context, one sample) *exec.Cmd {
			cmd := exec.CommandContext(ctx, program[0], program[1:]...)
			cmd.Stdin = strings.NewReader(one.source)
			return cmd
		}
	}
}

// compiled builds one program of all samples, because linking each would take most of the time.
func compiled(t *testing.T, list []sample) func(context.Context, sample) *exec.Cmd {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	var imports, cases strings.Builder
	for _, one := range list {
		name := strings.ToLower(one.operation)
		write(name+"/sample.go", strings.NewReplacer("package main\n", "package "+name+"\n", "func main() {", "func Main() {").Replace(one.source))
		imports.WriteString("import \"samples/" + name + "\"\n")
		cases.WriteString("case \"" + one.operation + "\": " + name + ".Main()\n")
	}
	write("go.mod", "module samples\n\ngo 1.26\n")
	write("main.go", "package main\n\nimport \"os\"\n"+imports.String()+"\nfunc main() {\nswitch os.Args[1] {\n"+cases.String()+"}\n}\n")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", "samples.out", ".")
	build.Dir = folder
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
	said, err := build.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return func(ctx context.Context, one sample) *exec.Cmd {
		return exec.CommandContext(ctx, filepath.Join(folder, "samples.out"), one.operation)
	}
}
