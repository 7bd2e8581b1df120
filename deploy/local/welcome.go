package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"redrive/pkg/webhook"
)

// Every command can be pasted unchanged into another terminal, in any folder.
var welcome = template.Must(template.New("welcome").Parse(`
Redrive is running. Its data is in {{.Dir}}

  console         {{.API}}/console
  API             {{.API}}/v1/execution-webhooks
  API reference   {{.API}}/docs
  queue UI        {{.API}}/queues
  sample receiver {{.Receiver}}/ (what arrived; POST to /ok, /flaky, /heal, /break)
  metrics, health {{.Ops}}/metrics, /livez, /readyz
  circuits        {{.Breakers}}
  API key         {{.Key}}
  platform key    {{.PlatformKey}} (acts for the organization in X-Org-ID)
{{if .Failed.ID}}{{if .Failed.Sample}}
A delivery has ended in failure: its receiver answered 500. Bring it back from another terminal.

Take the key and heal the receiver:

  KEY=$(cat {{.KeyFile}})
  curl -X POST {{.Receiver}}/heal
{{else}}
A delivery to {{printf "%q" .Failed.URL}} has ended in failure: {{printf "%q" .Failed.Reason}}.
Bring it back from another terminal, once its receiver is in order.

Take the key:

  KEY=$(cat {{.KeyFile}})
{{end}}
Retry the delivery; the answer is the same record, pending again:

  curl -X POST {{.API}}/v1/execution-webhooks/deliveries/{{.Failed.ID}}/retry -H "Authorization: Bearer $KEY"

Look at it; a moment later it has arrived:

  curl {{.API}}/v1/execution-webhooks/deliveries/{{.Failed.ID}} -H "Authorization: Bearer $KEY"
{{else}}
No delivery is in failure now. Make the sample receiver fail and publish an event from another terminal:

  KEY=$(cat {{.KeyFile}})
  curl -X POST {{.Receiver}}/break
  curl -X POST {{.API}}/v1/execution-webhooks/events -H "Authorization: Bearer $KEY" \
    -H 'Content-Type: application/json' -d '{"eventType": "run.finished", "data": {"status": "succeeded"}}'

"make info" then prints the commands that bring the delivery back.
{{end}}
"make info" prints this again. The log shows attempts and warnings; LOG_LEVEL=info shows requests too. Ctrl-C stops.

`))

// ErrNotRunning is returned by Info for a folder that no instance uses.
var ErrNotRunning = errors.New("nothing is running: start it with make run")

// Info prints addresses, the API key and the commands to paste, for the instance that uses the folder.
func Info(ctx context.Context, folder string, w io.Writer) error {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("find the folder %s: %w", folder, err)
	}
	d := &directory{path: absolute}
	content, err := os.ReadFile(d.file(addressesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder %s: %w", absolute, ErrNotRunning)
	}
	if err != nil {
		return fmt.Errorf("read the folder: %w", err)
	}
	var addresses Addresses
	if err := json.Unmarshal(content, &addresses); err != nil {
		return fmt.Errorf("read %s: %w", d.file(addressesFile), err)
	}
	key, err := d.readSecret(apiKeyFile)
	if err != nil {
		return err
	}
	platform, err := d.readSecret(platformKeyFile)
	if err != nil {
		return err
	}
	return d.welcome(ctx, w, addresses, key, platform)
}

// Welcome prints the output of Info.
func (l *Local) Welcome(ctx context.Context, w io.Writer) error {
	return l.dir.welcome(ctx, w, l.Addresses(), l.key, l.platform)
}

func (d *directory) readSecret(file string) (webhook.Secret, error) {
	raw, err := os.ReadFile(d.file(file))
	if err != nil {
		return "", fmt.Errorf("read the folder: %w", err)
	}
	return webhook.Secret(strings.TrimSpace(string(raw))), nil
}

func (d *directory) welcome(ctx context.Context, w io.Writer, a Addresses, key, platform webhook.Secret) error {
	failed, err := newClient(a, key).latestFailure(ctx, sampleURL(a))
	if err != nil {
		return err
	}
	err = welcome.Execute(w, struct {
		Addresses
		Dir, KeyFile, Key, PlatformKey string
		Failed                         failure
	}{a, d.path, quoted(d.file(apiKeyFile)), key.Reveal(), platform.Reveal(), failed})
	if err != nil {
		return fmt.Errorf("print the welcome: %w", err)
	}
	return nil
}

// quoted returns a text quoted as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
