// Compiles a job with Flamenco's interface for job types, as its manual and schema describe it, and writes what it makes.
// node flamenco.mjs OUT SCRIPT SETTINGS; answer: {job_type, tasks: [{name, type, commands: [{name, parameters}]}]} or {error}

import fs from "node:fs";
import nodePath from "node:path";
import vm from "node:vm";

const [out, script, settings] = process.argv.slice(2);
const tasks = [];
const author = {
    Task(name, type) {
        if (!name.trim() || !type.trim()) throw new Error("author.Task(name, type): both are required");
        const task = { name, type, commands: [], dependencies: [] };
        task.addCommand = (command) => task.commands.push(command);
        task.addDependency = (other) => task.dependencies.push(other);
        return task;
    },
    Command: (name, parameters, totalStepCount = 0) => ({ name, parameters, totalStepCount }),
};
const context = vm.createContext({
    author,
    path: { join: nodePath.posix.join, dirname: nodePath.posix.dirname, basename: nodePath.posix.basename },
    print() {},
});
vm.runInContext(fs.readFileSync(script, "utf8"), context);
const answer = { job_type: vm.runInContext("JOB_TYPE", context), tasks };
try {
    context.job = { settings: JSON.parse(settings), addTask: (task) => tasks.push(task) };
    vm.runInContext("compileJob(job)", context);
} catch (error) {
    answer.error = String(error);
}
fs.writeFileSync(out, JSON.stringify(answer));
