package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"redrive/api-service/openapi/openapitest"
)

// The body of the YAML document is described as a string and therefore not decoded.
func init() { openapi3filter.RegisterBodyDecoder("application/yaml", openapi3filter.FileBodyDecoder) }

// contract checks requests and answers against the OpenAPI document of the running server. Its objects are closed.
type contract struct {
	document *openapi3.T
	router   routers.Router
}

func fetchContract(tb testing.TB, client *http.Client, url string) *contract {
	tb.Helper()
	response, err := client.Get(url + "/openapi.yaml")
	require.NoError(tb, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	require.Equal(tb, http.StatusOK, response.StatusCode, "%s", text)

	document, err := openapitest.Load(text)
	require.NoError(tb, err)
	require.NoError(tb, document.Validate(context.Background()))
	router, err := gorillamux.NewRouter(document)
	require.NoError(tb, err)
	return &contract{document, router}
}

// strict makes a status that an operation does not list an error, and reports all errors of an exchange.
var strict = &openapi3filter.Options{
	IncludeResponseStatus: true,
	MultiError:            true,
	AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc, // the server checks the keys
}

// check checks an exchange against the document. The request is not checked if it is wrong on purpose. The answer always is.
func (c *contract) check(request *http.Request, requestBody []byte, wrong bool, answer reply) error {
	route, parameters, err := c.router.FindRoute(request)
	if err != nil {
		return c.checkUnrouted(answer)
	}
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: parameters, Route: route, Options: strict}
	if !wrong {
		request.Body = io.NopCloser(bytes.NewReader(requestBody))
		if err := openapi3filter.ValidateRequest(request.Context(), input); err != nil {
			return fmt.Errorf("the request does not match the document: %w", err)
		}
	}
	if err := openapi3filter.ValidateResponse(request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.status, Header: answer.header,
		Body: io.NopCloser(bytes.NewReader(answer.body)), Options: strict,
	}); err != nil {
		return fmt.Errorf("the answer does not match the document: %w\n%d %s", err, answer.status, answer.body)
	}
	return c.checkEnvelope(route.Operation.OperationID, answer)
}

// checkUnrouted checks answers to requests that the document has no route for: unknown paths, unknown methods, and IDs that are no path
// segment.
func (c *contract) checkUnrouted(answer reply) error {
	if !slices.Contains([]int{400, 401, 404, 405}, answer.status) {
		return fmt.Errorf("what is no operation was answered %d: %s", answer.status, answer.body)
	}
	if err := c.matches("Error", answer.body); err != nil {
		return err
	}
	return c.checkEnvelope("", answer)
}

// matches checks a JSON text against a named schema.
func (c *contract) matches(schema string, text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return fmt.Errorf("not JSON: %w: %s", err, text)
	}
	if err := c.document.Components.Schemas[schema].Value.VisitJSON(value, openapi3.MultiErrors()); err != nil {
		return fmt.Errorf("no %s: %w: %s", schema, err, text)
	}
	return nil
}

// checkEnvelope checks the rules of the envelope that a schema cannot express.
func (c *contract) checkEnvelope(operation string, answer reply) error {
	if operation == "getOpenApiYaml" || operation == "getOpenApiJson" {
		return nil
	}
	var frame struct {
		Code      int
		RequestID string
	}
	if err := json.Unmarshal(answer.body, &frame); err != nil {
		return fmt.Errorf("not JSON: %w: %s", err, answer.body)
	}
	var problems []error
	if frame.Code != answer.status {
		problems = append(problems, fmt.Errorf("the code is %d and the status %d", frame.Code, answer.status))
	}
	if id := answer.header.Get("X-Request-Id"); id != frame.RequestID {
		problems = append(problems, fmt.Errorf("the requestId is %q in the body and %q in the header", frame.RequestID, id))
	}
	if got := answer.header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
		problems = append(problems, fmt.Errorf("the content type is %q", got))
	}
	showsSecret := operation == "createEndpoint" || operation == "regenerateEndpointSecret"
	if !showsSecret && bytes.Contains(answer.body, []byte("whsec_")) {
		problems = append(problems, errors.New("the answer shows a signing secret"))
	}
	return errors.Join(problems...)
}
