// Runs the Khronos validator and writes its reports: node validate.mjs OUT FILE...

import fs from "node:fs";
import validator from "gltf-validator";

const [out, ...files] = process.argv.slice(2);
const answer = {};
for (const file of files) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), { maxIssues: 100 });
    answer[file] = report.issues;
}
fs.writeFileSync(out, JSON.stringify(answer));
