// Imports a module anew for every line of the standard input and writes what it exports: `node run_node.mjs SNIPPET`.
// The snippet lies in the folder that has the client's packages, for Node looks for them from there.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const snippet = pathToFileURL(process.argv[2]).href;
let look = 0;
for await (const _ of createInterface({ input: process.stdin })) {
  let said;
  try {
    // A module is run once per address.
    said = { rows: (await import(`${snippet}?look=${look++}`)).courses };
  } catch (error) {
    said = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(said) + "\n");
}
