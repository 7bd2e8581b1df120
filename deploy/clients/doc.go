// Package clients generates clients from the OpenAPI document and drives a running Redrive with them.
//
// Each folder of testdata is a module as an integrator has it: a go.mod that pins the generator and what its code needs, and a
// program that calls every operation. The generated code is not in the repository. A test copies the module to a temporary folder,
// generates the client there, builds the program and runs it.
//
// testdata/openapi.json is the document as it was served on 2026-11-27, without the code samples, which no generator reads. It stands
// for the clients that integrators have generated, so it is never renewed: a test that fails with it has found a change that breaks
// them. When a later release has added to the contract, its document is stored beside this one, under a new name.
package clients
