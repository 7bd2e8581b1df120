// Package clients generates clients from the OpenAPI document and drives a running Redrive with them.
//
// Each folder of testdata is a module such as an integrator has. Its go.mod pins the generator and the requirements of the generated code.
// Its program calls every operation. The generated code is not in the repository. A test copies the module to a temporary folder, generates
// the client there, builds the program and runs it.
//
// testdata/openapi.json is the document of 2026-11-27 without the code samples, which no generator reads. Integrators have generated clients
// from it, so it is never replaced. A test that fails with it has found a change that breaks those clients. The document of a later release
// is stored beside this one, under a new name.
package clients
