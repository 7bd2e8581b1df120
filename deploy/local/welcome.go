package local

import (
	"fmt"
	"io"
	"strings"
	"text/template"
)

// Every command can be pasted as it stands, in another terminal and from any folder.
var welcome = template.Must(template.New("welcome").Parse(`
Redrive is running. Its data is in {{.Dir}}

  API             {{.API}}/v1/execution-webhooks
  API reference   {{.API}}/docs
  queue UI        {{.API}}/queues
  sample receiver {{.Receiver}}/ (what arrived; POST to /ok, /flaky, /heal)
  metrics, health {{.Ops}}/metrics, /livez, /readyz
  API key         {{.Key}}
{{if .Failed}}
A delivery has ended in failure: its receiver answers 500. Bring it back from another terminal.

Take the key and heal the receiver:

  KEY=$(cat {{.KeyFile}})
  curl -X POST {{.Receiver}}/heal

Retry the delivery; the answer is the same record, pending again:

  curl -X POST {{.API}}/v1/execution-webhooks/deliveries/{{.Failed}}/retry -H "Authorization: Bearer $KEY"

Look at it; it has arrived:

  curl {{.API}}/v1/execution-webhooks/deliveries/{{.Failed}} -H "Authorization: Bearer $KEY"
{{else}}
No delivery has failed. Publish an event from another terminal:

  KEY=$(cat {{.KeyFile}})
  curl -X POST {{.API}}/v1/execution-webhooks/events -H "Authorization: Bearer $KEY" \
    -H 'Content-Type: application/json' -d '{"eventType": "run.finished", "data": {"status": "succeeded"}}'
{{end}}
Open {{.API}}/queues to see the queue, and {{.Receiver}}/ to see what arrived. Ctrl-C stops.

`))

// Welcome prints what there is and what to paste.
func (l *Local) Welcome(w io.Writer, failedID string) error {
	err := welcome.Execute(w, struct {
		Addresses
		Dir, KeyFile, Key, Failed string
	}{l.Addresses(), l.dir.path, quoted(l.dir.file(apiKeyFile)), l.key.Reveal(), failedID})
	if err != nil {
		return fmt.Errorf("print the welcome: %w", err)
	}
	return nil
}

// quoted is a text as a shell takes it for one word, whatever is in it.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
