// SPDX-License-Identifier: GPL-3.0-or-later
//
// Job type for Flamenco: reconstructs clips of two people in contact, one task a clip. docs/batch.md says how to install it.

const JOB_TYPE = {
    label: "SocialMirror Reconstruct",
    description: "Reconstruct two people in contact from each clip",
    settings: [
        // for the artist
        { key: "clips", type: "string", required: true,
          eval: "'; '.join(str(abspath(bpy.path.abspath(s.filepath))) for s in (C.scene.sequence_editor.strips_all if C.scene.sequence_editor else ()) if s.type == 'MOVIE')",
          evalInfo: { showLinkButton: true, description: "Movie strips of the scene" },
          description: "Paths of the clips, separated by semicolons" },
        { key: "output", type: "string", subtype: "dir_path", required: true,
          description: "Folder of the results, which every worker can write; each clip gets a folder of its own in it" },
        { key: "prompt", type: "string", default: "",
          description: "What the two people do in all of the clips; empty: not said" },
        { key: "takes", type: "int32", default: 1, propargs: { min: 1, max: 8 }, description: "Takes of each clip" },
        { key: "export_target", type: "string", default: "none", choices: ["none", "gltf", "godot", "bvh", "amass"],
          description: "What to export the best take of each clip for" },

        // for the farm's administrator, as variables of the Manager
        { key: "python", type: "string", default: "{socialmirrorPython}", visible: "web",
          description: "Python of an environment that SocialMirror has installed" },
        { key: "extension", type: "string", default: "{socialmirror}", visible: "web",
          description: "Folder of the extension, in which `core` lies" },
    ],
};

// Runs the module `core` of a folder, since a worker starts programs in a folder of its own.
const RUN_CORE = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('core', run_name='__main__', alter_sys=True)";

function compileJob(job) {
    const settings = job.settings;
    const clips = settings.clips.split(";").map((clip) => clip.trim()).filter((clip) => clip);
    if (clips.length === 0) {
        throw "There are no clips: name some, or add movie strips to the scene";
    }
    const names = resultNames(clips);
    clips.forEach((clip, index) => {
        const folder = path.join(settings.output, names[index]);
        const task = author.Task("reconstruct " + names[index], "socialmirror");
        const args = ["reconstruct", "--out", folder, "--takes", String(settings.takes)];
        if (settings.prompt) {
            args.push("--prompt=" + settings.prompt);
        }
        task.addCommand(runCore(settings, args.concat(["--", clip])));
        if (settings.export_target && settings.export_target !== "none") {
            task.addCommand(runCore(settings, ["export", "--target", settings.export_target, "--", folder]));
        }
        job.addTask(task);
    });
}

function runCore(settings, args) {
    return author.Command("exec", {
        exe: settings.python,
        args: ["-c", RUN_CORE, settings.extension].concat(args),
    });
}

// A folder for each clip, named after its file; numbered where two files have the same name.
function resultNames(clips) {
    const taken = {};
    return clips.map((clip) => {
        const file = clip.replace(/\\/g, "/").split("/").pop();
        const stem = file.replace(/\.[^.]*$/, "").replace(/[^\w.-]+/g, "-").toLowerCase() || "clip";
        let name = stem;
        for (let number = 2; taken[name]; number++) {
            name = stem + "-" + number;
        }
        taken[name] = true;
        return name;
    });
}
