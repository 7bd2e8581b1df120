package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQueryParametersEqualDocument(t *testing.T) {
	for _, r := range protected(t) {
		item := document(t).Paths.Value(strings.ReplaceAll(r.path, ":id", "{id}"))
		var documented []string
		for _, parameter := range slices.Concat(item.Parameters, item.GetOperation(r.method).Parameters) {
			if parameter.Value.In == openapi3.ParameterInQuery {
				documented = append(documented, parameter.Value.Name)
			}
		}
		assert.ElementsMatch(t, documented, r.query, "%s %s", r.method, r.path)
	}
}

func TestQueryUnknownParameterRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	for _, r := range protected(t) {
		path := r.of(own)
		for query, field := range map[string]string{
			"state=failure": "state", "state": "state", "state=": "state", "Status=failure": "Status", "endpointID=ep_x": "endpointID",
			"Limit=5": "Limit", "LIMIT=5": "LIMIT", "limit%20=5": "limit ", "+limit=5": " limit", "limit[]=5": "limit[]", "limit%5B%5D=5": "limit[]",
			"after=x": "after", "id=x": "id", "organizationId=x": "organizationId", "%73tate=failure": "state", "st%C3%A4tus": "stätus",
			"=x": "", "=": "", "%00=x": "\x00", "%ff=x": "?", "limit%00=5": "limit\x00", "a=1&a=2": "a", "access_token=x": "access_token",
			strings.Repeat("x", 3000): strings.Repeat("x", 128) + "…",
		} {
			f := refused(t, s.call(t, r.method, path+"?"+query, s.writer, r.body()), 400, "unknown_parameter")
			assert.Equal(t, field, f.Details[0].Field, "%s %s?%s", r.method, r.path, query)
			assert.Len(t, f.Details, 1)
			for _, name := range r.query {
				assert.Contains(t, f.Message, name, "the message names what the operation takes")
			}
		}
		for _, query := range []string{"%", "%zz", "%zz=1", "a=%zz", "limit=5;offset=1", "limit=%", "a;b", "%4"} {
			refused(t, s.call(t, r.method, path+"?"+query, s.writer, r.body()), 400, "malformed_query")
		}
		for _, query := range []string{"", "&", "&&&"} {
			assert.Equal(t, 200, parsed(query, r.query), query)
		}
		for _, name := range r.query {
			f := refused(t, s.call(t, r.method, path+"?"+name+"=1&"+name+"=1", s.writer, r.body()), 400, "repeated_parameter")
			assert.Equal(t, name, f.Details[0].Field)
			encoded := fmt.Sprintf("%%%02x%s", name[0], name[1:])
			refused(t, s.call(t, r.method, path+"?"+name+"=1&"+encoded+"=2", s.writer, r.body()), 400, "repeated_parameter")
		}
	}
}

func parsed(query string, known []string) int {
	if _, err := parseQuery(query, known); err != nil {
		return 400
	}
	return 200
}

func TestQueryAllProblemsReportedUpToLimit(t *testing.T) {
	s := newService(t).withKeys(t)
	f := refused(t, s.call(t, "GET", base+"?state=x&limit=1&limit=2&Offset=0", s.reader, ""), 400, "unknown_parameter")
	var named []string
	for _, detail := range f.Details {
		named = append(named, detail.Reason+" "+detail.Field)
	}
	assert.Equal(t, []string{"unknown_parameter Offset", "repeated_parameter limit", "unknown_parameter state"}, named)
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprint("p", i))
	}
	a := s.call(t, "GET", base+"?"+strings.Join(many, "&"), s.reader, "")
	refused(t, a, 400, "unknown_parameter")
	assert.Less(t, len(a.body), 2048)
}

// A misspelled filter must not return everything.
func TestQueryMisspelledFilterRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	require.NotEmpty(t, own)
	for _, query := range []string{"?state=failure", "?endpointID=" + own["ep"], "?endpointId=" + own["ep"] + "&Status=success"} {
		a := s.call(t, "GET", deliveries+query, s.reader, "")
		refused(t, a, 400, "unknown_parameter")
		assert.NotContains(t, string(a.body), "dlv_")
	}
}
