/* Start-up of every page: theme switch, keyboard, menus, dialogs, copy buttons, relative times, notices of the browser. */
import { startKeyboard } from "./keyboard.js";
import { startMenus } from "./menus.js";
import { startTabs } from "./tabs.js";
import { startThemeSwitch } from "./theme-switch.js";
import { startTimes } from "./times.js";
import { startCopying } from "./copying.js";
import { startConfirming } from "./confirming.js";
import { startNotices } from "./notices.js";
import { startCompareTray } from "./compare-tray.js";

startThemeSwitch();
startKeyboard();
startMenus();
startTabs();
startTimes();
startCopying();
startConfirming();
startNotices();
startCompareTray();
document.documentElement.classList.add("scripted");
