// The search runs in a worker, and browsers start none for a page that was opened as a file. There its
// script runs in a hidden frame of the page instead, behind the same few words that a worker has.
(() => {
    if (location.protocol !== "file:") {
        return;
    }

    class FrameWorker extends EventTarget {
        constructor(url) {
            super();
            this.onmessage = null;
            this.onerror = null;
            this.onmessageerror = null;
            this.frame = document.createElement("iframe");
            this.frame.hidden = true;
            this.frame.title = "search";
            this.ready = new Promise((begun, failed) => {
                this.frame.addEventListener("load", () => this.begin(String(url), begun, failed), {
                    once: true,
                });
            });
            this.ready.catch((fault) => this.tell("error", fault));
            document.body.append(this.frame);
        }

        begin(url, begun, failed) {
            const inside = this.frame.contentWindow;
            inside.postMessage = (data) => setTimeout(() => this.tell("message", data));
            const script = inside.document.createElement("script");
            script.addEventListener("load", begun);
            script.addEventListener("error", () => failed(new Error(`${url} cannot be read`)));
            script.src = url;
            inside.document.body.append(script);
        }

        tell(type, data) {
            const event = new MessageEvent(type, { data });
            this.dispatchEvent(event);
            this[`on${type}`]?.(event);
        }

        postMessage(data) {
            this.ready.then(
                () => {
                    const inside = this.frame.contentWindow;
                    inside?.dispatchEvent(new inside.MessageEvent("message", { data }));
                },
                () => {},
            );
        }

        terminate() {
            this.frame.remove();
        }
    }

    window.Worker = FrameWorker;
})();
